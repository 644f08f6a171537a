// SPDX-License-Identifier: Apache-2.0
/// How the agent decides which VIPs the routers may send here, and how it leaves.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "agent/agent.hpp"
#include "datapath/counters.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kProofInterval{1};
/// The routers have moved away when no packet came for kQuiet; those that never do are not waited for.
constexpr std::chrono::milliseconds kQuiet{500};
constexpr std::chrono::seconds kMoveAwayWithin{10};
}  // namespace

void Agent::start_announcing() {
    own_health_ = prove_datapath(options_.config, datapath_, reconciler_.numbering());
    started_ = control::SteadyClock::now();
    configure_announcer(options_.config);
    announce();
    spawn(keep_proving());
}

void Agent::configure_announcer(const config::Config& config) {
    announcer_.configure(config.bgp, conditions_.overrides().withdrawn);
    announcer_.watch(links_to_watch());
}

/// What must stay attached while nobody looks after it: what is now.
std::vector<std::string> Agent::links_to_watch() const {
    std::vector<std::string> links;
    for (const auto& interface : options_.config.interfaces)
        if (datapath::is_attached(datapath_.pins(), interface))
            links.push_back(datapath_.pins().path(datapath::link_pin_name(interface)));
    return links;
}

/// The routers follow the backends' conditions, the datapath's proof and what was said by hand.
void Agent::announce() {
    if (!announcer_.active() || changing_names_)
        return;
    const auto facts = [this](const config::Service& service) { return announcing_facts(service); };
    const bgp::BalancerFacts balancer{
        .withdrawn = conditions_.overrides().withdrawn,
        .fault = own_health_.fault,
        .age = std::chrono::duration_cast<std::chrono::milliseconds>(control::SteadyClock::now() - started_)};
    announcer_.update(options_.config, balancer, facts, bgp::complete(options_.config, balancer, facts));
}

bgp::ServiceFacts Agent::announcing_facts(const config::Service& service) const {
    const auto fault = own_health_.services.find(service.name);
    bgp::ServiceFacts facts{.warmed_up = health_.warmed_up(service.name),
                            .fault = fault == own_health_.services.end() ? "" : fault->second};
    count_backends(service, facts);
    if (facts.fault == kNoNextHopAtAll)
        facts.healthy = 0;
    if (facts.healthy < service.announce.min_healthy)
        look_for_drains(service, facts);
    // Those who serve cannot be reached; flows of those who drain can, and are not cut off for it.
    if (facts.fault == kNoNextHopAtAll && facts.draining)
        facts.fault.clear();
    return facts;
}

/// The healthy ones up to what its announcement needs: beyond that it makes no difference. In panic backends
/// serve that are down. Whether one that is drained passes its checks is not asked: its flows stay while it
/// is alive.
void Agent::count_backends(const config::Service& service, bgp::ServiceFacts& facts) const {
    const auto now = control::SteadyClock::now();
    for (const auto& backend : service.backends) {
        if (facts.healthy >= service.announce.min_healthy)
            break;
        const control::BackendId id{service.name, backend.address};
        const auto condition = conditions_.at(id, now);
        if (conditions_.ordered_state(id) == config::BackendState::kDrain)
            facts.drained += condition.alive ? 1 : 0;
        else if (condition.availability > 0 && !health_.is_down(id))
            ++facts.healthy;
    }
}

/// Who is drained or leaving may have flows: in slots that learn of it, or with a record. Before an agent has
/// counted those that an earlier one left, it may, too.
void Agent::look_for_drains(const config::Service& service, bgp::ServiceFacts& facts) const {
    const auto numbers = reconciler_.numbering().services.find(service.name);
    if (numbers == reconciler_.numbering().services.end())
        return;
    const auto number = numbers->second.number;
    const auto* life = reconciler_.lives().find(number);
    const auto& flows = reconciler_.lives().flow_counts();
    const bool counted = reconciler_.lives().has_counted() || !reconciler_.needs_sweeps();
    for (const auto& backend : numbers->second.backends) {
        const auto& entry = datapath_.maps().backend(numbers->second.region.first + backend.number);
        const bool alive = (entry.flags & abi::BACKEND_ALIVE) != 0;
        const bool drained = !backend.retired && conditions_.ordered_state({service.name, backend.address}) ==
                                                     config::BackendState::kDrain;
        const bool reachable = (entry.flags & abi::BACKEND_NEXT_HOP) != 0 || facts.fault.empty();
        if (!alive || !reachable || !(drained || backend.retired))
            continue;
        facts.leaving += backend.retired ? 1 : 0;
        facts.draining = facts.draining || !counted || flows.contains({number, backend.number}) ||
                         (life != nullptr && life->is_moving() && life->is_learning_of(backend.number));
    }
}

/// Nothing is said of the first moments, when next hops are still being resolved.
asio::awaitable<void> Agent::keep_proving() {
    asio::steady_timer timer(loop_);
    OwnHealth told;
    for (;;) {
        timer.expires_after(kProofInterval);
        co_await timer.async_wait(kAnyOutcome);
        repair_datapath();
        if (const auto mended = is_computing_ ? std::vector<std::string_view>{} : reconciler_.mend();
            !mended.empty())
            spdlog::warn("map {}: somebody changed what this agent wrote; written anew",
                         fmt::join(mended, ", "));
        own_health_ = prove_datapath(options_.config, datapath_, reconciler_.numbering());
        if (!flow_trouble_.empty())
            own_health_.degraded.push_back(flow_trouble_);
        if (own_health_ != told) {
            log_own_health(told);
            told = own_health_;
            snapshots_.outdated();
        }
        announcer_.watch(links_to_watch());
        announce();
    }
}

void Agent::log_own_health(const OwnHealth& before) const {
    if (own_health_.fault != before.fault) {
        if (own_health_.fault.empty())
            spdlog::info("the datapath forwards again");
        else
            spdlog::error("{}; nothing is forwarded", own_health_.fault);
    }
    for (const auto& trouble : own_health_.degraded) {
        if (std::ranges::find(before.degraded, trouble) == before.degraded.end())
            spdlog::warn("degraded: {}", trouble);
    }
    if (own_health_.fault.empty() && own_health_.degraded.empty() && !before.degraded.empty())
        spdlog::info("no longer degraded: nothing is missing");
    for (const auto& [service, fault] : own_health_.services) {
        const auto known = before.services.find(service);
        if (known == before.services.end() || known->second != fault)
            spdlog::error("service {}: {}; nothing is forwarded for it", service, fault);
    }
    for (const auto& [service, fault] : before.services) {
        if (own_health_.fault.empty() && !own_health_.services.contains(service))
            spdlog::info("service {}: the datapath forwards for it again", service);
    }
}

/// Written down before it holds, as with backends. Without a bgp section nothing is announced anyway.
asio::awaitable<Result<void>> Agent::obey_withdraw(bool withdrawn) {
    const auto turn = co_await ordering_.enter();
    if (!announcer_.active())
        co_return Result<void>{};
    auto overrides = conditions_.overrides();
    if (overrides.withdrawn == withdrawn)
        co_return Result<void>{};
    overrides.withdrawn = withdrawn;
    const auto written = co_await in_pool(files_, [&] { return overrides_file_.write(overrides); });
    if (!written)
        co_return written;
    conditions_.set_overrides(std::move(overrides), control::SteadyClock::now());
    if (withdrawn)
        spawn([](Agent* agent) -> asio::awaitable<void> { co_await agent->announcer_.withdraw(); }(this));
    else
        announcer_.announce();
    announce();
    snapshots_.outdated();
    co_return Result<void>{};
}

/// Ends the loop once the routers have moved away: until then packets still come.
asio::awaitable<void> Agent::leave() {
    if (announcer_.active()) {
        spdlog::info("leaving: the routes are marked, then withdrawn");
        co_await announcer_.leave();
        co_await until_quiet();
    }
    loop_.stop();
}

/// Whoever asked for it is answered before.
asio::awaitable<void> Agent::leave_and_detach() {
    constexpr std::chrono::milliseconds kAnswered{200};
    asio::steady_timer timer(loop_, kAnswered);
    co_await timer.async_wait(kAnyOutcome);
    co_await leave();
}

asio::awaitable<void> Agent::until_quiet() {
    const auto packets = [this] {
        std::uint64_t sum = 0;
        for (const auto& [name, numbers] : reconciler_.numbering().services) {
            if (const auto counters = datapath::service_counters(datapath_.maps(), numbers.number))
                sum += counters->traffic.packets;
        }
        return sum;
    };
    const auto deadline = control::SteadyClock::now() + kMoveAwayWithin;
    asio::steady_timer timer(loop_);
    std::uint64_t before = 0;
    do {
        before = packets();
        timer.expires_after(kQuiet);
        co_await timer.async_wait(kAnyOutcome);
    } while (packets() != before && control::SteadyClock::now() < deadline);
}

}  // namespace guideway::agent
