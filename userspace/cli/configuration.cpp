// SPDX-License-Identifier: Apache-2.0
#include "cli/configuration.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "cli/commands.hpp"

namespace guideway::cli {

namespace {
bool is_usable(const config::Found& found, Unbuilt unbuilt) {
    return found.errors.empty() && (unbuilt == Unbuilt::kIgnore || found.unbuilt.empty());
}

void print_found(const config::Found& found, const std::string& path) {
    for (const auto& error : found.errors)
        fmt::print(stderr, "{}\n", error.text());
    if (found.more_errors > 0)
        fmt::print(stderr, "{}: and {} more errors\n", path, found.more_errors);
    for (const auto& missing : found.unbuilt)
        fmt::print(stderr, "{}\n", missing.text());
    for (const auto& warning : found.warnings)
        fmt::print(stderr, "{}\n", warning.text());
    if (found.more_warnings > 0)
        fmt::print(stderr, "{}: and {} more warnings\n", path, found.more_warnings);
}

/// A file that was given to the wrong command has as many errors as keys.
void hint_at_side(const std::string& text, const std::string& path, config::Side wanted) {
    if (config::side_of(text).value_or(wanted) == wanted)
        return;
    if (wanted == config::Side::kBalancer)
        fmt::print(stderr, "{}: this looks like a backend's file, which is for `guideway backend -c`\n",
                   path);
    else
        fmt::print(stderr, "{}: this looks like a balancer's file, which is for `guideway agent -c`\n", path);
}

/// Says why it cannot be read; if there is none, what to do.
void refuse_unread(const Error& error, const std::string& path, std::optional<config::Side> side) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {
        refuse(error);
        return;
    }
    refuse({fmt::format("{}; write the configuration there: `guideway reference{}` has every key",
                        error.message, side == config::Side::kBackend ? " --backend" : "")});
}

template <typename Model, typename Parse>
std::optional<Model> load_with(const std::string& path, Unbuilt unbuilt, const config::ReadFile& read,
                               config::Side side, Parse parse) {
    const auto text = read(path);
    if (!text) {
        refuse_unread(text.error(), path, side);
        return std::nullopt;
    }
    config::ParsedFile<Model> parsed = parse(*text, path);
    print_found(parsed, path);
    if (!parsed.errors.empty())
        hint_at_side(*text, path, side);
    if (!is_usable(parsed, unbuilt))
        return std::nullopt;
    return std::move(parsed.config);
}

template <typename Model>
std::expected<Model, std::vector<std::string>> reload_with(const std::string& path,
                                                           Result<config::ParsedFile<Model>> parsed) {
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
}  // namespace

std::optional<config::Config> load_configuration(const std::string& path, Unbuilt unbuilt,
                                                 const config::ReadFile& read) {
    return load_with<config::Config>(
        path, unbuilt, read, config::Side::kBalancer,
        [](const auto& text, const auto& name) { return config::parse(text, name); });
}

std::optional<config::BackendHost> load_backend_host(const std::string& path, const config::ReadFile& read) {
    return load_with<config::BackendHost>(path, Unbuilt::kRefuse, read, config::Side::kBackend,
                                          config::parse_backend_host);
}

std::expected<config::Config, std::vector<std::string>> reload_configuration(const std::string& path) {
    return reload_with<config::Config>(path, config::load(path));
}

std::expected<config::BackendHost, std::vector<std::string>> reload_backend_host(const std::string& path) {
    return reload_with<config::BackendHost>(path, config::load_backend_host(path));
}

bool check_file(const std::string& path, std::optional<config::Side> side) {
    const auto text = read_input(path);
    if (!text) {
        refuse_unread(text.error(), path, side);
        return false;
    }
    const auto side_wanted = side.value_or(config::side_of(*text).value_or(config::Side::kBalancer));
    const auto given = [&](const std::string&) { return Result<std::string>(*text); };
    return side_wanted == config::Side::kBackend
               ? load_backend_host(path, given).has_value()
               : load_configuration(path, Unbuilt::kRefuse, given).has_value();
}

Result<FileState> wait_for_writer(const std::string& path) {
    constexpr std::chrono::milliseconds kLook{50};
    constexpr std::chrono::seconds kAtMost{5};
    const auto deadline = std::chrono::steady_clock::now() + kAtMost;
    auto state = look_at_file(path);
    while (state.being_written.value_or(false) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(kLook);
        state = look_at_file(path);
    }
    if (state.being_written.value_or(false))
        return fail("read {}: some process is writing it; start when that has closed it", path);
    return state;
}

Result<void> check_unchanged(const std::string& path, const FileState& state) {
    if (look_at_file(path) != state)
        return fail("read {}: it changed while it was read; start again", path);
    return {};
}

int refuse(const Error& error) {
    fmt::print(stderr, "guideway: {}\n", error.message);
    return kRefused;
}

}  // namespace guideway::cli
