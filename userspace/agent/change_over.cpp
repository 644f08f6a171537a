// SPDX-License-Identifier: Apache-2.0
#include "agent/change_over.hpp"

#include <spdlog/spdlog.h>

#include <exception>
#include <set>

#include "agent/doubts.hpp"
#include "control/renamed_services.hpp"
#include "control/two_steps.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

Result<void> ChangeOver::begin() {
    const auto& config = parts_.running.config;
    auto change =
        parts_.reconciler.prepare(desired_state(config, parts_.conditions, control::SteadyClock::now()));
    if (!change)
        return std::unexpected(change.error());
    commit(config, std::move(*change));
    parts_.adjusting.adjust();
    return {};
}

/// All that may fail comes before the first store.
asio::awaitable<std::vector<std::string>> ChangeOver::go_over(const config::Config& next,
                                                              api::Insistence insistence) {
    if (auto free = parts_.datapath.check(next.interfaces); !free)
        co_return std::vector{free.error().message};
    if (auto swept = co_await parts_.sweeping.sweep(); !swept)
        spdlog::error("{}; numbers of what was removed are not free yet", swept.error().message);
    const auto turn = co_await parts_.adjusting.compute();
    const auto successions = successions_to(next);
    const auto& renames = successions.renames;
    const auto known = parts_.health.known();
    rename_services(renames);
    if (auto followed = probe_next(next, successions, known); !followed) {
        rename_services(control::inverse(renames));
        co_return std::vector{followed.error().message};
    }
    const std::shared_ptr<void> until_the_end(nullptr,
                                              [this](void*) { parts_.running.names_are_changing = false; });
    parts_.running.names_are_changing = !renames.empty();
    std::vector<std::string> errors;
    try {
        errors = co_await change(next, inherited(successions.heirs), insistence);
    } catch (const std::exception& error) {
        errors = {fmt::format("reload: {}", error.what())};
    }
    if (!errors.empty()) {
        rename_services(control::inverse(renames));
        probe_as_before(known, control::inverse(renames));
        co_return errors;
    }
    parts_.remembering.remember_health_soon();
    if (!renames.empty() || !successions.heirs.empty()) {
        if (auto written = co_await parts_.remembering.remember(parts_.conditions.overrides()); !written)
            spdlog::error("{}; after a restart, backends of services that were renamed are as configured",
                          written.error().message);
    }
    co_return errors;
}

/// A service that has another name is the same: its backends keep their flows, and what is known of them.
ChangeOver::Successions ChangeOver::successions_to(const config::Config& next) const {
    std::set<std::string> names;
    for (const auto& [name, numbers] : parts_.reconciler.numbering().services)
        names.insert(name);
    const auto before = control::traits_of(parts_.running.config);
    const auto after = control::traits_of(next);
    auto renames = control::without_collisions(control::renamed_services(before, after), names);
    auto heirs = control::heirs(before, after, renames);
    return {.renames = std::move(renames), .heirs = std::move(heirs)};
}

/// What was said by hand, also of backends whose service takes over listeners of another one.
control::Overrides ChangeOver::inherited(const control::Renames& heirs) const {
    auto overrides = parts_.conditions.overrides();
    for (auto* said : {&overrides.drained, &overrides.disabled}) {
        for (const auto& [heir, former] : heirs) {
            for (const auto& backend : std::set(*said)) {
                if (backend.service == former)
                    said->insert({heir, backend.address});
            }
        }
    }
    return overrides;
}

void ChangeOver::rename_services(const control::Renames& renames) {
    parts_.reconciler.rename(renames);
    parts_.conditions.rename(renames);
}

Result<void> ChangeOver::probe_next(const config::Config& next, const Successions& successions,
                                    const Knowledge& known) {
    const auto known_of_former = [&](const control::BackendId& backend) {
        const auto former = successions.heirs.find(backend.service);
        const auto last =
            former == successions.heirs.end() ? known.end() : known.find({former->second, backend.address});
        return last == known.end() ? health::LastKnown{} : last->second;
    };
    return parts_.health.follow(next, known_of_former, successions.renames);
}

/// What the refused configuration does not have was forgotten.
void ChangeOver::probe_as_before(const Knowledge& known, const control::Renames& renames) {
    const auto& running = parts_.running.config;
    const auto recall = [&](const control::BackendId& backend) {
        const auto last = known.find(backend);
        return last == known.end() ? health::LastKnown{} : last->second;
    };
    if (auto followed = parts_.health.follow(running, recall, renames); !followed)
        spdlog::error("{}", followed.error().message);
    parts_.next_hops.tell_probes(running);
}

/// With what is probed already being that of the next configuration.
asio::awaitable<std::vector<std::string>> ChangeOver::change(const config::Config& next,
                                                             control::Overrides overrides,
                                                             api::Insistence insistence) {
    auto& computing = parts_.executors.computing;
    const auto now = control::SteadyClock::now();
    auto conditions = parts_.conditions;
    conditions.configure(next, now);
    conditions.set_overrides(overrides, now);
    const auto desired = desired_state(next, conditions, now);
    if (insistence != api::Insistence::kForced) {
        auto doubts = co_await doubts_about(next, desired, parts_.running.config, parts_.next_hops,
                                            parts_.reconciler, computing);
        if (!doubts.empty())
            co_return doubts;
    }
    auto change = co_await in_pool(computing, [&] { return parts_.reconciler.prepare(desired); });
    bool removed_first = false;
    if (!change && co_await remove_first(desired)) {
        removed_first = true;
        change = co_await in_pool(computing, [&] { return parts_.reconciler.prepare(desired); });
    }
    std::string trouble = change ? "" : change.error().message;
    if (change)
        trouble = co_await make_ready(next);
    if (!trouble.empty()) {
        if (removed_first)
            co_await go_back();
        co_return std::vector{trouble};
    }
    commit(next, std::move(*change));
    run_by(next, std::move(overrides), now);
    co_return std::vector<std::string>{};
}

/// What can still fail, and is undone if it does; why it did.
asio::awaitable<std::string> ChangeOver::make_ready(const config::Config& next) {
    const auto& running = parts_.running.config;
    if (const auto http = co_await parts_.servers.change_http(next.http); !http)
        co_return http.error().message;
    if (next.interfaces == running.interfaces && next.datapath.mode == running.datapath.mode)
        co_return std::string{};
    const auto attached = parts_.attaching.attach(next);
    if (attached)
        co_return std::string{};
    static_cast<void>(co_await parts_.servers.change_http(running.http));
    co_return attached.error().message;
}

/// Makes room for what replaces it, if that is all that is missing.
asio::awaitable<bool> ChangeOver::remove_first(const control::DesiredState& desired) {
    auto& computing = parts_.executors.computing;
    auto& reconciler = parts_.reconciler;
    const bool would_do = co_await in_pool(computing, [&] {
        return control::needs_two_steps(reconciler.numbering(), reconciler.desired(), desired,
                                        parts_.datapath.maps().geometry());
    });
    if (!would_do)
        co_return false;
    auto between = control::without_removed(reconciler.desired(), desired);
    auto change = co_await in_pool(computing, [&] { return reconciler.prepare(std::move(between)); });
    if (!change)
        co_return false;
    commit(parts_.running.config, std::move(*change));
    spdlog::info("what is removed gives its numbers to what replaces it: there are too few for both");
    if (const auto swept = co_await parts_.sweeping.sweep(); !swept)
        spdlog::error("{}", swept.error().message);
    co_return true;
}

asio::awaitable<void> ChangeOver::go_back() {
    const auto now = control::SteadyClock::now();
    auto change = co_await in_pool(parts_.executors.computing, [&] {
        return parts_.reconciler.prepare(desired_state(parts_.running.config, parts_.conditions, now));
    });
    if (change)
        commit(parts_.running.config, std::move(*change));
    else
        spdlog::error("{}; some services are not served until the next reload", change.error().message);
}

void ChangeOver::commit(const config::Config& config, control::Change change) {
    auto& next_hops = parts_.next_hops;
    next_hops.follow(change.numbering);
    for (auto& service : change.services)
        parts_.snapshots.table_changed(change.numbering.services.at(service.service->name).number,
                                       std::move(service.facts));
    parts_.reconciler.commit(std::move(change), next_hops.by(config), control::SteadyClock::now());
    const auto& running = parts_.running.config;
    if (config.interfaces != running.interfaces || config.datapath != running.datapath)
        parts_.reconciler.refresh_next_hops(next_hops.by(config));  // of services that did not change, too
    next_hops.tell_probes(config);
}

/// From here on nothing fails.
void ChangeOver::run_by(const config::Config& next, control::Overrides overrides, control::TimePoint now) {
    parts_.conditions.configure(next, now);
    parts_.conditions.set_overrides(std::move(overrides), now);
    parts_.health.release_unprobed();
    parts_.running.become(next);
    parts_.announcing.configure(next);
    if (auto left = parts_.datapath.leave_all_but(next.interfaces); !left)
        spdlog::error("{}", left.error().message);
}

}  // namespace guideway::agent
