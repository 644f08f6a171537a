// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/parser.hpp"

namespace guideway::config {

/// The directory of a group of fixtures: `good`, `bad`.
[[nodiscard]] std::string fixtures(std::string_view group);

/// Stands for the file system: /keys/good holds a key and a line break, /keys/bad holds another text.
[[nodiscard]] Result<std::string> read_test_key(const std::string& path);

/// Parses a text as `a.yaml`.
[[nodiscard]] Parsed parse_text(std::string_view text);

/// Parses a configuration of one service `web`, with these lines added to the service.
[[nodiscard]] Parsed parse_service(std::string_view lines);

/// What was found, one text each.
[[nodiscard]] std::vector<std::string> texts(const std::vector<Diagnostic>& findings);

}  // namespace guideway::config
