// SPDX-License-Identifier: Apache-2.0
#include "control/fingerprint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "util/keyed_digest.hpp"

namespace guideway::control {

namespace {
constexpr int kHashFormat = 1;

std::string describe(const config::Service& service, std::uint32_t table_size) {
    auto listeners = service.listeners;
    std::ranges::sort(listeners);
    std::string text = fmt::format("{} {}", static_cast<int>(service.affinity), table_size);
    for (const auto& listener : listeners)
        text += " " + listener.text();
    return text;
}
}  // namespace

std::string fingerprint(const config::Config& config) {
    std::vector<std::string> lines;
    for (const auto& service : config.services)
        lines.push_back(describe(service, config::table_size_of(service, config.datapath)));
    std::ranges::sort(lines);
    return fmt::format(
        "{:02x}",
        fmt::join(keyed_digest(config.hash_key, fmt::format("{}\n{}", kHashFormat, fmt::join(lines, "\n"))),
                  ""));
}

}  // namespace guideway::control
