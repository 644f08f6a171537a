// SPDX-License-Identifier: Apache-2.0
/// How the agent goes over to another configuration: whole, or not at all.
#include <malloc.h>
#include <net/if.h>
#include <spdlog/spdlog.h>

#include <exception>

#include "agent/agent.hpp"
#include "agent/unchangeable.hpp"
#include "control/fingerprint.hpp"
#include "control/move_budget.hpp"
#include "control/renamed_services.hpp"
#include "control/two_steps.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
/// So many lines of a refusal are shown; more would hide what matters.
constexpr std::size_t kLinesAtMost = 100;

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

std::string above_budget_text(const control::ServicePlan& plan, unsigned max_move_percent) {
    if (plan.fate == control::ServiceFate::kRemoved)
        return fmt::format("services: {} would be removed, which reload.max_move {}% does not allow",
                           plan.name, max_move_percent);
    return fmt::format(
        "services: {} would move {} of {} slots ({:.2f}%): {} must, {} besides; reload.max_move is {}%",
        plan.name, plan.moved, plan.table_size, 100 * plan.share_moved(), plan.must_move,
        plan.moved_besides(), max_move_percent);
}
}  // namespace

asio::awaitable<std::vector<std::string>> Agent::reload(api::Insistence insistence) {
    const auto turn = co_await turnstile_.enter();
    auto loaded = co_await in_pool(files_, [this] { return read_settled(options_); });
    if (!loaded)
        loaded.emplace(being_written(options_.config_file));
    co_return co_await reload_to(*loaded, insistence);
}

/// The caller holds turnstile_.
asio::awaitable<std::vector<std::string>> Agent::reload_to(const LoadedConfig& loaded,
                                                           api::Insistence insistence) {
    std::vector<std::string> errors;
    try {
        errors = loaded ? unchangeable(options_.config, *loaded) : loaded.error();
        if (errors.empty())
            errors = co_await change_over(*loaded, insistence);
    } catch (const std::exception& error) {
        errors = {fmt::format("reload {}: {}", options_.config_file, error.what())};
    }
    adjust();
    co_await in_pool(pool_, [] { return ::malloc_trim(0); });  // a large file leaves tens of megabytes behind

    about_.last_reload = {.at = api::Clock::now(), .ok = errors.empty(), .errors = errors};
    ++(errors.empty() ? about_.reloads : about_.refused_reloads);
    snapshots_.outdated();
    for (const auto& error : errors)
        spdlog::error("{}", error);
    if (errors.empty())
        spdlog::info("{}: reloaded", options_.config_file);
    else
        spdlog::error("{}: refused; the running configuration goes on", options_.config_file);
    co_return errors;
}

/// All that may fail comes before the first store.
asio::awaitable<std::vector<std::string>> Agent::change_over(const config::Config& next,
                                                             api::Insistence insistence) {
    if (auto free = datapath_.check(next.interfaces); !free)
        co_return std::vector{free.error().message};
    if (auto swept = co_await sweep(); !swept)
        spdlog::error("{}; numbers of what was removed are not free yet", swept.error().message);
    const auto turn = co_await compute();
    const auto renames = renames_to(next);
    const auto known = health_.known();
    rename_services(renames);
    const auto heirs = control::heirs(control::traits_of(options_.config), control::traits_of(next), renames);
    const auto known_of_former = [&](const control::BackendId& backend) {
        const auto former = heirs.find(backend.service);
        const auto last = former == heirs.end() ? known.end() : known.find({former->second, backend.address});
        return last == known.end() ? health::LastKnown{} : last->second;
    };
    if (auto followed = health_.follow(next, known_of_former, renames); !followed) {
        rename_services(control::inverse(renames));
        co_return std::vector{followed.error().message};
    }
    const std::shared_ptr<void> until_the_end(nullptr, [this](void*) { changing_names_ = false; });
    changing_names_ = !renames.empty();
    std::vector<std::string> errors;
    try {
        errors = co_await go_over(next, inherited(heirs), insistence);
    } catch (const std::exception& error) {
        errors = {fmt::format("reload {}: {}", options_.config_file, error.what())};
    }
    if (!errors.empty()) {
        rename_services(control::inverse(renames));
        probe_as_before(known, control::inverse(renames));
    } else {
        remember_health_later();
        if (!renames.empty() || !heirs.empty())
            co_await write_overrides();
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

/// What was said by hand, also of backends whose service takes over listeners of another one.
control::Overrides Agent::inherited(const control::Renames& heirs) const {
    auto overrides = conditions_.overrides();
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

void Agent::rename_services(const control::Renames& renames) {
    reconciler_.rename(renames);
    conditions_.rename(renames);
}

asio::awaitable<void> Agent::write_overrides() {
    const auto overrides = conditions_.overrides();
    if (auto written = co_await in_pool(files_, [&] { return overrides_file_.write(overrides); }); !written)
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
    health_.set_next_hops(options_.config, interface_indexes(options_.config), *next_hops_);
}

/// With what is probed already being that of the next configuration.
asio::awaitable<std::vector<std::string>> Agent::go_over(const config::Config& next,
                                                         control::Overrides overrides,
                                                         api::Insistence insistence) {
    const auto now = control::SteadyClock::now();
    auto conditions = conditions_;
    conditions.configure(next, now);
    conditions.set_overrides(overrides, now);
    const auto desired = desired_state(next, conditions, now);
    if (insistence != api::Insistence::kForced) {
        auto doubts = co_await doubts_about(next, desired);
        if (!doubts.empty())
            co_return doubts;
    }
    auto change = co_await in_pool(pool_, [&] { return reconciler_.prepare(desired); });
    bool removed_first = false;
    if (!change && co_await remove_first(desired)) {
        removed_first = true;
        change = co_await in_pool(pool_, [&] { return reconciler_.prepare(desired); });
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
    conditions_.configure(next, now);
    conditions_.set_overrides(std::move(overrides), now);
    health_.release_unprobed();
    options_.config = next;
    ++generation_;
    backend_metrics_ = next.metrics.backends;
    about_.fingerprint = control::fingerprint(next);
    configure_announcer(next);
    if (auto left = datapath_.leave_all_but(next.interfaces); !left)
        spdlog::error("{}", left.error().message);
    co_return std::vector<std::string>{};
}

/// What can still fail, and is undone if it does; why it did.
asio::awaitable<std::string> Agent::make_ready(const config::Config& next) {
    const auto& running = options_.config;
    if (const auto http = co_await servers_.change_http(next.http); !http)
        co_return http.error().message;
    if (next.interfaces == running.interfaces && next.datapath.mode == running.datapath.mode)
        co_return std::string{};
    const auto attached = attach(next);
    if (attached)
        co_return std::string{};
    static_cast<void>(co_await servers_.change_http(running.http));
    co_return attached.error().message;
}

/// Makes room for what replaces it, if that is all that is missing.
asio::awaitable<bool> Agent::remove_first(const control::DesiredState& desired) {
    const bool would_do = co_await in_pool(pool_, [&] {
        return control::needs_two_steps(reconciler_.numbering(), reconciler_.desired(), desired,
                                        datapath_.maps().geometry());
    });
    if (!would_do)
        co_return false;
    auto between = control::without_removed(reconciler_.desired(), desired);
    auto change = co_await in_pool(pool_, [&] { return reconciler_.prepare(std::move(between)); });
    if (!change)
        co_return false;
    commit(options_.config, std::move(*change));
    spdlog::info("what is removed gives its numbers to what replaces it: there are too few for both");
    if (const auto swept = co_await sweep(); !swept)
        spdlog::error("{}", swept.error().message);
    co_return true;
}

asio::awaitable<void> Agent::go_back() {
    const auto now = control::SteadyClock::now();
    auto change = co_await in_pool(
        pool_, [&] { return reconciler_.prepare(desired_state(options_.config, conditions_, now)); });
    if (change)
        commit(options_.config, std::move(*change));
    else
        spdlog::error("{}; some services are not served until the next reload", change.error().message);
}

/// What the next configuration would do that somebody should insist on.
asio::awaitable<std::vector<std::string>> Agent::doubts_about(const config::Config& next,
                                                              const control::DesiredState& desired) {
    auto doubts = lost_ways(next);
    const unsigned percent = options_.config.reload.max_move_percent;
    const auto plans = co_await in_pool(pool_, [&] {
        return control::above_budget(reconciler_.desired(), desired, next.datapath.table_size,
                                     percent / 100.0);
    });
    for (const auto& plan : plans)
        doubts.push_back(above_budget_text(plan, percent));
    if (doubts.empty())
        co_return doubts;
    if (doubts.size() > kLinesAtMost) {
        const auto more = doubts.size() - kLinesAtMost;
        doubts.resize(kLinesAtMost);
        doubts.push_back(fmt::format("and {} more", more));
    }
    doubts.push_back("if that is meant: guideway reload --force");
    co_return doubts;
}

/// Backends that have a way now, and would have none by the interfaces that remain.
std::vector<std::string> Agent::lost_ways(const config::Config& next) const {
    std::vector<std::string> lost;
    const auto& running = options_.config;
    if (next.interfaces == running.interfaces)
        return lost;
    const auto now = next_hops_for(running);
    const auto then = next_hops_for(next);
    for (const auto& service : next.services) {
        for (const auto& backend : service.backends) {
            const control::DesiredBackend asked{.member = {backend.address, backend.weight},
                                                .condition = {},
                                                .mac = backend.mac,
                                                .mtu = backend.mtu};
            const auto way = now(asked);
            if (!way || then(asked))
                continue;
            char name[IF_NAMESIZE] = {};
            if_indextoname(static_cast<unsigned>(way->port.ifindex), name);
            lost.push_back(fmt::format(
                "interfaces: without {}, backend {} of service {} has no way: its next hop is there", name,
                backend.address.text(), service.name));
        }
    }
    return lost;
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
        co_await reload_to(*loaded, api::Insistence::kAsked);
}

}  // namespace guideway::agent
