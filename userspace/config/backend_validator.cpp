// SPDX-License-Identifier: Apache-2.0
#include "config/backend_validator.hpp"

#include <guideway/abi.h>
#include <guideway/decap.h>

#include <algorithm>
#include <map>

#include "config/name_validator.hpp"
#include "config/walk.hpp"

namespace guideway::config {

namespace {
bool was_read(const std::string& name) {
    return !name.empty();
}

bool was_read(const Prefix& prefix) {
    return prefix != Prefix{};
}

std::string text_of(const std::string& name) {
    return name;
}

std::string text_of(const Prefix& prefix) {
    return prefix.text();
}

template <typename Item>
void check_repeated(const Place& root, std::string_view key, const std::vector<Item>& items) {
    std::map<Item, std::uint32_t> lines;
    walk(root, key, items, [&](const Place& place, const Item& item) {
        if (!was_read(item))
            return;
        const auto [first, inserted] = lines.try_emplace(item, place.position().line);
        if (!inserted)
            place.error("{} is already listed at line {}", text_of(item), first->second);
    });
}

/// Packets from a balancer would be taken for packets to a VIP, and answers to it would stay on this host.
void check_balancers_outside(const Place& root, const BackendHost& host) {
    walk(root, "vips", host.vips, [&](const Place& place, const Prefix& vip) {
        const auto held = std::ranges::find_if(host.balancers, [&](const Prefix& balancer) {
            return was_read(balancer) && was_read(vip) && vip.holds(balancer);
        });
        if (held == host.balancers.end())
            return;
        if (vip == *held)
            place.error("{} is one of balancers, too", vip.text());
        else
            place.error("{} holds {}, which is one of balancers", vip.text(), held->text());
    });
}

void check_http(const Place& root, const BackendHost& host) {
    const auto place = root.find("http");
    if (!place || !host.http)
        return;
    const auto own = Prefix::of(host.http->address);
    const auto vip = std::ranges::find_if(
        host.vips, [&](const Prefix& each) { return was_read(each) && each.holds(own); });
    if (vip != host.vips.end())
        place->error("{} is a VIP: {}", host.http->address.text(), vip->text());
}

void check_room(const Place& root, std::string_view key, const char* what, std::size_t count,
                std::size_t most) {
    if (count > most)
        root.find(key)->error("{} {} do not fit; there is room for {}", count, what, most);
}

void check_limits(const Place& root, const BackendHost& host) {
    const auto pools = static_cast<std::size_t>(
        std::ranges::count_if(host.vips, [](const Prefix& vip) { return !vip.is_address(); }));
    check_room(root, "vips", "addresses", host.vips.size() - pools, DECAP_VIPS_MAX);
    check_room(root, "vips", "prefixes", pools, DECAP_VIP_PREFIXES_MAX);
    check_room(root, "balancers", "balancers", host.balancers.size(), DECAP_BALANCERS_MAX);
    check_room(root, "backends", "backends", host.backends.size(), DECAP_PEERS_MAX);
}

void warn_of_everybody(const Place& root, const BackendHost& host) {
    walk(root, "balancers", host.balancers, [&](const Place& place, const Prefix& balancer) {
        const bool v4 = balancer.address.is_v4();
        if (was_read(balancer) && balancer.length <= (v4 ? 0 : 3))
            place.warning("everybody is a balancer: any host may send packets in a tunnel to the VIPs");
    });
}
}  // namespace

void validate(const Place& root, const BackendHost& host) {
    check_repeated(root, "interfaces", host.interfaces);
    check_auto_alone(root, host.interfaces);
    check_repeated(root, "vips", host.vips);
    check_repeated(root, "balancers", host.balancers);
    check_balancers_outside(root, host);
    check_http(root, host);
    check_limits(root, host);
    warn_of_everybody(root, host);
}

}  // namespace guideway::config
