// SPDX-License-Identifier: Apache-2.0
#include "cli/configuration.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "cli/commands.hpp"
#include "config/parser.hpp"

namespace guideway::cli {

std::optional<config::Config> load_configuration(const std::string& path, Unbuilt unbuilt,
                                                 const config::ReadFile& read) {
    auto parsed = config::load(path, read);
    if (!parsed) {
        refuse(parsed.error());
        return std::nullopt;
    }
    for (const auto& error : parsed->errors)
        fmt::print(stderr, "{}\n", error.text());
    if (parsed->more_errors > 0)
        fmt::print(stderr, "{}: and {} more errors\n", path, parsed->more_errors);
    for (const auto& missing : parsed->unbuilt)
        fmt::print(stderr, "{}\n", missing.text());
    for (const auto& warning : parsed->warnings)
        fmt::print(stderr, "{}\n", warning.text());
    if (parsed->more_warnings > 0)
        fmt::print(stderr, "{}: and {} more warnings\n", path, parsed->more_warnings);
    if (!parsed->errors.empty() || (unbuilt == Unbuilt::kRefuse && !parsed->unbuilt.empty()))
        return std::nullopt;
    return std::move(parsed->config);
}

std::expected<config::Config, std::vector<std::string>> reload_configuration(const std::string& path) {
    auto parsed = config::load(path);
    if (!parsed)
        return std::unexpected(std::vector{parsed.error().message});
    std::vector<std::string> lines;
    for (const auto* findings : {&parsed->errors, &parsed->unbuilt}) {
        for (const auto& finding : *findings)
            lines.push_back(finding.text());
    }
    if (parsed->more_errors > 0)
        lines.push_back(fmt::format("{}: and {} more errors", path, parsed->more_errors));
    if (!lines.empty())
        return std::unexpected(std::move(lines));
    return std::move(parsed->config);
}

int refuse(const Error& error) {
    fmt::print(stderr, "guideway: {}\n", error.message);
    return kRefused;
}

}  // namespace guideway::cli
