// SPDX-License-Identifier: Apache-2.0
#include "agent/reloading.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <optional>
#include <utility>

#include "agent/unchangeable.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
/// A configuration, unless the file changed while it was read, or somebody has it open for writing.
std::optional<LoadedConfig> read_settled(ConfigSource& source) {
    const auto before = look_at_file(source.file);
    if (before.being_written.value_or(false))
        return std::nullopt;
    auto loaded = source.load();
    if (look_at_file(source.file) != before)
        return std::nullopt;
    source.read_state = before;
    return loaded;
}

LoadedConfig being_written(const std::string& file) {
    return std::unexpected(
        std::vector{fmt::format("{}: some process is writing it; it is read when that closes it", file)});
}
}  // namespace

Reloading::Reloading(Executors& executors, CoroutineMutex& changes, ConfigSource source,
                     const RunningConfig& running, ChangeOver& change_over, Adjusting& adjusting,
                     EventLog& events, Snapshots& snapshots)
    : executors_(executors),
      changes_(changes),
      source_(std::move(source)),
      running_(running),
      change_over_(change_over),
      adjusting_(adjusting),
      events_(events),
      snapshots_(snapshots) {
    history_.last.at = api::Clock::now();
}

Result<void> Reloading::watch_file() {
    auto file = FileWatch::create(executors_.loop, executors_.files, source_.file, source_.read_state,
                                  [this] { spawn(executors_.loop, reload_if_changed()); });
    if (!file)
        return std::unexpected(file.error());
    file_ = std::move(*file);
    return {};
}

asio::awaitable<api::Outcome> Reloading::reload(api::Insistence insistence, api::By by) {
    const auto locked = co_await changes_.lock();
    auto loaded = co_await in_pool(executors_.files, [this] { return read_settled(source_); });
    if (!loaded)
        loaded.emplace(being_written(source_.file));
    auto outcome = co_await reload_to(*loaded, insistence, std::move(by));
    loaded.reset();
    co_await give_memory_back();
    co_return outcome;
}

/// A file that an order has read meanwhile, an unchanged one, and one that was refused already, are left
/// alone.
asio::awaitable<void> Reloading::reload_if_changed() {
    const auto locked = co_await changes_.lock();
    if (co_await in_pool(executors_.files,
                         [this] { return look_at_file(source_.file) == source_.read_state; }))
        co_return;
    auto loaded = co_await in_pool(executors_.files, [this] { return read_settled(source_); });
    if (!loaded) {
        file_->tell_again();
        co_return;
    }
    const auto errors = *loaded ? unchangeable(running_.config, **loaded) : loaded->error();
    const auto& last = history_.last;
    const bool known = errors.empty() ? last.ok && **loaded == running_.config : errors == last.errors;
    if (!known) {
        api::By by{.uid = {}, .cause = "the changed file"};
        co_await reload_to(*loaded, api::Insistence::kAsked, std::move(by));
    }
    loaded.reset();
    co_await give_memory_back();
}

/// The caller has locked `changes`.
asio::awaitable<api::Outcome> Reloading::reload_to(const LoadedConfig& loaded, api::Insistence insistence,
                                                   api::By by) {
    std::vector<std::string> errors;
    try {
        errors = loaded ? unchangeable(running_.config, *loaded) : loaded.error();
        if (errors.empty())
            errors = co_await change_over_.go_over(*loaded, insistence);
    } catch (const std::exception& error) {
        errors = {fmt::format("reload {}: {}", source_.file, error.what())};
    }
    adjusting_.adjust();
    co_return note(std::move(errors), std::move(by));
}

/// A large file leaves tens of megabytes behind.
asio::awaitable<void> Reloading::give_memory_back() {
    co_await in_pool(executors_.computing, [] { return ::malloc_trim(0); });
}

api::Outcome Reloading::note(std::vector<std::string> errors, api::By by) {
    history_.last = {.at = api::Clock::now(), .ok = errors.empty(), .errors = errors};
    ++(errors.empty() ? history_.done : history_.refused);
    snapshots_.outdated();
    for (const auto& error : errors)
        spdlog::error("{}", error);
    api::Outcome outcome;
    std::string reason;
    if (errors.empty()) {
        outcome.did.push_back(fmt::format("{}: reloaded, by {}", source_.file, by.text()));
        spdlog::info("{}", outcome.did.front());
    } else {
        spdlog::error("{}: refused; the running configuration goes on (asked by {})", source_.file,
                      by.text());
        reason = errors.size() == 1 ? errors.front()
                                    : fmt::format("{}; and {} more", errors.front(), errors.size() - 1);
    }
    events_.note({.kind = errors.empty() ? api::EventKind::kReloaded : api::EventKind::kReloadRefused,
                  .reason = std::move(reason),
                  .by = std::move(by)});
    outcome.errors = std::move(errors);
    return outcome;
}

}  // namespace guideway::agent
