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
                     Snapshots& snapshots)
    : executors_(executors),
      changes_(changes),
      source_(std::move(source)),
      running_(running),
      change_over_(change_over),
      adjusting_(adjusting),
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

asio::awaitable<std::vector<std::string>> Reloading::reload(api::Insistence insistence) {
    const auto locked = co_await changes_.lock();
    auto loaded = co_await in_pool(executors_.files, [this] { return read_settled(source_); });
    if (!loaded)
        loaded.emplace(being_written(source_.file));
    auto errors = co_await reload_to(*loaded, insistence);
    loaded.reset();
    co_await give_memory_back();
    co_return errors;
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
    if (!known)
        co_await reload_to(*loaded, api::Insistence::kAsked);
    loaded.reset();
    co_await give_memory_back();
}

/// The caller has locked `changes`.
asio::awaitable<std::vector<std::string>> Reloading::reload_to(const LoadedConfig& loaded,
                                                               api::Insistence insistence) {
    std::vector<std::string> errors;
    try {
        errors = loaded ? unchangeable(running_.config, *loaded) : loaded.error();
        if (errors.empty())
            errors = co_await change_over_.go_over(*loaded, insistence);
    } catch (const std::exception& error) {
        errors = {fmt::format("reload {}: {}", source_.file, error.what())};
    }
    adjusting_.adjust();
    note(errors);
    co_return errors;
}

/// A large file leaves tens of megabytes behind.
asio::awaitable<void> Reloading::give_memory_back() {
    co_await in_pool(executors_.computing, [] { return ::malloc_trim(0); });
}

void Reloading::note(const std::vector<std::string>& errors) {
    history_.last = {.at = api::Clock::now(), .ok = errors.empty(), .errors = errors};
    ++(errors.empty() ? history_.done : history_.refused);
    snapshots_.outdated();
    for (const auto& error : errors)
        spdlog::error("{}", error);
    if (errors.empty())
        spdlog::info("{}: reloaded", source_.file);
    else
        spdlog::error("{}: refused; the running configuration goes on", source_.file);
}

}  // namespace guideway::agent
