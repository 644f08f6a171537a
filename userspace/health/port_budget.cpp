// SPDX-License-Identifier: Apache-2.0
#include "health/port_budget.hpp"

#include <cstdio>

#include "util/file.hpp"

namespace guideway::health {

namespace {
/// The kernel's TCP_TIMEWAIT_LEN, and a little more.
constexpr std::chrono::seconds kTimeWait{62};
/// What Linux gives out unless it is told otherwise.
constexpr std::size_t kPorts = 60999 - 32768 + 1;
constexpr std::size_t kConnections = 4096;
constexpr std::size_t kShare = 4;

std::size_t ports() {
    const auto text = read_file("/proc/sys/net/ipv4/ip_local_port_range");
    unsigned low = 0, high = 0;
    if (!text || std::sscanf(text->c_str(), "%u %u", &low, &high) != 2 || high < low)
        return kPorts;
    return high - low + 1;
}

std::size_t connections() {
    const auto text = read_file("/proc/sys/net/ipv4/tcp_max_tw_buckets");
    unsigned most = 0;
    return text && std::sscanf(text->c_str(), "%u", &most) == 1 ? most : kConnections;
}
}  // namespace

PortLimits port_limits() {
    return {ports() / kShare, connections() / kShare};
}

bool PortBudget::take(const Destination& destination, Moment now) {
    expire(now);
    if (taken_ >= limits_.altogether)
        return false;
    const auto [found, is_new] = by_destination_.try_emplace(destination, 0);
    if (found->second >= limits_.per_destination) {
        if (is_new)
            by_destination_.erase(found);
        return false;
    }
    ++found->second;
    ++taken_;
    until_.emplace_back(now + kTimeWait, destination);
    return true;
}

void PortBudget::expire(Moment now) {
    for (; !until_.empty() && until_.front().first <= now; until_.pop_front()) {
        const auto found = by_destination_.find(until_.front().second);
        if (--found->second == 0)
            by_destination_.erase(found);
        --taken_;
    }
}

}  // namespace guideway::health
