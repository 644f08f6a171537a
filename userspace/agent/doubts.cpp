// SPDX-License-Identifier: Apache-2.0
#include "agent/doubts.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include "control/move_budget.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
/// So many lines of a refusal are shown; more would hide what matters.
constexpr std::size_t kLinesAtMost = 100;

std::string above_budget_text(const control::ServicePlan& plan, unsigned max_move_percent) {
    if (plan.fate == control::ServiceFate::kRemoved)
        return fmt::format("services: {} would be removed, which reload.max_move {}% does not allow",
                           plan.name, max_move_percent);
    return fmt::format(
        "services: {} would move {} of {} slots ({:.2f}%): {} must, {} besides; reload.max_move is {}%",
        plan.name, plan.moved, plan.table_size, 100 * plan.share_moved(), plan.must_move,
        plan.moved_besides(), max_move_percent);
}

/// Backends that have a way now, and would have none by the interfaces that remain.
std::vector<std::string> lost_ways(const config::Config& next, const config::Config& running,
                                   const NextHopUpdates& next_hops) {
    std::vector<std::string> lost;
    if (next.interfaces == running.interfaces)
        return lost;
    const auto now = next_hops.by(running);
    const auto then = next_hops.by(next);
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
}  // namespace

asio::awaitable<std::vector<std::string>> doubts_about(
    const config::Config& next, const control::DesiredState& desired, const config::Config& running,
    const NextHopUpdates& next_hops, const control::Reconciler& reconciler, Pool& computing) {
    auto doubts = lost_ways(next, running, next_hops);
    const unsigned percent = running.reload.max_move_percent;
    const auto plans = co_await in_pool(
        computing, [&] { return control::above_budget(reconciler.desired(), desired, percent / 100.0); });
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

}  // namespace guideway::agent
