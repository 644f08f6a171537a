// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace guideway::cli {

/// An event as a line for people: `2026-01-31 12:00:00  web be1 is down, after 3 h 2 min: connect: refused`.
/// The time is this host's.
[[nodiscard]] std::string event_text(const nlohmann::ordered_json& event);

/// The text in lines of at most so many characters, broken between words where that can be; those after the
/// first one are indented.
[[nodiscard]] std::string wrapped(const std::string& text, std::size_t width);

}  // namespace guideway::cli
