// SPDX-License-Identifier: Apache-2.0
/// How the agent goes over to another configuration: whole, or not at all.
#include <spdlog/spdlog.h>

#include <exception>

#include "agent/agent.hpp"
#include "agent/unchangeable.hpp"
#include "control/fingerprint.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
/// A configuration, unless the file changed while it was read, or somebody has it open for writing.
std::optional<LoadedConfig> read_settled(const AgentOptions& options) {
    const auto before = look_at_file(options.config_file);
    if (before.being_written.value_or(false))
        return std::nullopt;
    auto loaded = options.load();
    if (look_at_file(options.config_file) != before)
        return std::nullopt;
    return loaded;
}

LoadedConfig being_written(const std::string& file) {
    return std::unexpected(
        std::vector{fmt::format("{}: some process is writing it; it is read when that closes it", file)});
}
}  // namespace

asio::awaitable<std::vector<std::string>> Agent::reload() {
    const auto turn = co_await turnstile_.enter();
    auto loaded = co_await in_pool(files_, [this] { return read_settled(options_); });
    if (!loaded)
        loaded.emplace(being_written(options_.config_file));
    co_return co_await reload_to(*loaded);
}

/// For whoever is through the turnstile.
asio::awaitable<std::vector<std::string>> Agent::reload_to(const LoadedConfig& loaded) {
    std::vector<std::string> errors;
    try {
        errors = loaded ? unchangeable(options_.config, *loaded) : loaded.error();
        if (errors.empty())
            errors = co_await change_over(*loaded);
    } catch (const std::exception& error) {
        errors = {fmt::format("reload {}: {}", options_.config_file, error.what())};
    }
    adjust();

    about_.last_reload = {.at = api::Clock::now(), .ok = errors.empty(), .errors = errors};
    ++(errors.empty() ? about_.reloads : about_.refused_reloads);
    snapshot_ = nullptr;
    for (const auto& error : errors)
        spdlog::error("{}", error);
    if (errors.empty())
        spdlog::info("{}: reloaded", options_.config_file);
    else
        spdlog::error("{}: refused; the running configuration goes on", options_.config_file);
    co_return errors;
}

/// All that may fail comes before the first store.
asio::awaitable<std::vector<std::string>> Agent::change_over(const config::Config& next) {
    if (auto swept = co_await sweep(); !swept)
        spdlog::error("{}; numbers of what was removed are not free yet", swept.error().message);
    const auto known = health_.known();
    const auto nothing_known = [](const control::BackendId&) { return health::LastKnown{}; };
    if (auto followed = health_.follow(next, nothing_known); !followed)
        co_return std::vector{followed.error().message};
    std::vector<std::string> errors;
    try {
        errors = co_await go_over(next);
    } catch (const std::exception& error) {
        errors = {error.what()};
    }
    if (!errors.empty())
        probe_as_before(known);
    co_return errors;
}

/// What the refused configuration does not have was forgotten.
void Agent::probe_as_before(const Knowledge& known) {
    const auto followed = health_.follow(options_.config, [&](const control::BackendId& backend) {
        const auto last = known.find(backend);
        return last == known.end() ? health::LastKnown{} : last->second;
    });
    if (!followed)
        spdlog::error("{}", followed.error().message);
    health_.set_next_hops(options_.config, interface_indexes(options_.config), *next_hops_);
}

/// With what is probed already being that of the next configuration.
asio::awaitable<std::vector<std::string>> Agent::go_over(const config::Config& next) {
    const auto turn = co_await compute();
    const auto& running = options_.config;
    const auto now = control::SteadyClock::now();
    auto conditions = conditions_;
    conditions.configure(next, now);
    auto desired = desired_state(next, conditions, now);
    auto change = co_await in_pool(pool_, [&] { return reconciler_.prepare(std::move(desired)); });
    if (!change)
        co_return std::vector{change.error().message};
    if (auto http = change_http(next); !http)
        co_return std::vector{http.error().message};
    if (next.interfaces != running.interfaces || next.datapath.mode != running.datapath.mode) {
        if (auto attached = attach(next); !attached) {
            static_cast<void>(change_http(running));
            co_return std::vector{attached.error().message};
        }
    }

    commit(next, std::move(*change));
    conditions_.configure(next, now);
    options_.config = next;
    about_.fingerprint = control::fingerprint(next);
    if (auto bgp = announcer_.configure(next.bgp, conditions_.overrides().withdrawn); !bgp)
        spdlog::error("{}; nothing is announced", bgp.error().message);
    if (auto left = datapath_.leave_all_but(next.interfaces); !left)
        spdlog::error("{}", left.error().message);
    co_return std::vector<std::string>{};
}

/// Both addresses may have the same port, so that the old one is closed first, and opened again if the new
/// one fails.
Result<void> Agent::change_http(const config::Config& next) {
    if (next.http == http_address_)
        return {};
    http_server_ = nullptr;
    auto opened = open_http(next);
    if (!opened) {
        if (auto old = open_http(options_.config))
            http_server_ = std::move(*old);
        http_address_ = options_.config.http;
        return std::unexpected(opened.error());
    }
    http_server_ = std::move(*opened);
    http_address_ = next.http;
    return {};
}

/// An unchanged file, and one that was refused already, are left alone.
asio::awaitable<void> Agent::reload_if_changed() {
    const auto turn = co_await turnstile_.enter();
    const auto loaded = co_await in_pool(files_, [this] { return read_settled(options_); });
    if (!loaded) {
        file_->tell_again();
        co_return;
    }
    const auto errors = *loaded ? unchangeable(options_.config, **loaded) : loaded->error();
    const auto& last = about_.last_reload;
    const bool known = errors.empty() ? last.ok && **loaded == options_.config : errors == last.errors;
    if (!known)
        co_await reload_to(*loaded);
}

}  // namespace guideway::agent
