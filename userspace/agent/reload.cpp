// SPDX-License-Identifier: Apache-2.0
/// How the agent goes over to another configuration: whole, or not at all.
#include <spdlog/spdlog.h>

#include <exception>

#include "agent/agent.hpp"
#include "agent/unchangeable.hpp"
#include "control/fingerprint.hpp"
#include "control/renamed_services.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

asio::awaitable<std::vector<std::string>> Agent::reload() {
    const auto turn = co_await turnstile_.enter();
    std::vector<std::string> errors;
    try {
        const auto loaded = co_await in_pool(pool_, options_.load);
        errors = loaded ? unchangeable(options_.config, *loaded) : loaded.error();
        if (errors.empty())
            errors = co_await change_over(*loaded);
    } catch (const std::exception& error) {
        errors = {error.what()};
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
    for (const auto& interface : next.interfaces) {
        if (auto present = datapath::check_interface(interface); !present)
            co_return std::vector{present.error().message};
    }
    if (auto swept = co_await sweep(); !swept)
        spdlog::error("{}; numbers of what was removed are not free yet", swept.error().message);
    const auto turn = co_await compute();
    const auto renames = renames_to(next);
    const auto known = health_.known();
    rename_services(renames);
    const auto nothing_known = [](const control::BackendId&) { return health::LastKnown{}; };
    if (auto followed = health_.follow(next, nothing_known, renames); !followed) {
        rename_services(control::inverse(renames));
        co_return std::vector{followed.error().message};
    }
    std::vector<std::string> errors;
    try {
        errors = co_await go_over(next);
    } catch (const std::exception& error) {
        errors = {error.what()};
    }
    if (!errors.empty()) {
        rename_services(control::inverse(renames));
        probe_as_before(known, control::inverse(renames));
    } else if (!renames.empty()) {
        write_overrides();
    }
    co_return errors;
}

/// A service that has another name is the same: its backends keep their flows, and what is known of them.
control::Renames Agent::renames_to(const config::Config& next) const {
    std::set<std::string> names;
    for (const auto& [name, numbers] : reconciler_.numbering().services)
        names.insert(name);
    const auto renames =
        control::renamed_services(control::traits_of(options_.config), control::traits_of(next));
    return control::without_collisions(renames, names);
}

void Agent::rename_services(const control::Renames& renames) {
    reconciler_.rename(renames);
    conditions_.rename(renames);
}

void Agent::write_overrides() const {
    if (auto written = overrides_file_.write(conditions_.overrides()); !written)
        spdlog::error("{}; after a restart, backends of services that were renamed are as configured",
                      written.error().message);
}

/// What the refused configuration does not have was forgotten.
void Agent::probe_as_before(const Knowledge& known, const control::Renames& renames) {
    const auto recall = [&](const control::BackendId& backend) {
        const auto last = known.find(backend);
        return last == known.end() ? health::LastKnown{} : last->second;
    };
    const auto followed = health_.follow(options_.config, recall, renames);
    if (!followed)
        spdlog::error("{}", followed.error().message);
    health_.set_next_hops(options_.config, *next_hops_);
}

/// With what is probed already being that of the next configuration.
asio::awaitable<std::vector<std::string>> Agent::go_over(const config::Config& next) {
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
    health_.release_unprobed();
    options_.config = next;
    about_.fingerprint = control::fingerprint(next);
    configure_announcer(next);
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
    const auto loaded = co_await in_pool(pool_, options_.load);
    const auto errors = loaded ? unchangeable(options_.config, *loaded) : loaded.error();
    const auto& last = about_.last_reload;
    const bool known = errors.empty() ? last.ok && *loaded == options_.config : errors == last.errors;
    if (!known)
        co_await reload();
}

}  // namespace guideway::agent
