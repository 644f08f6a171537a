// SPDX-License-Identifier: Apache-2.0
#include "config/service_validator.hpp"

#include <guideway/service.h>

#include <algorithm>

#include "config/scalar.hpp"
#include "config/share.hpp"
#include "config/walk.hpp"

namespace guideway::config {

namespace {
/// Those that get new flows while they are healthy.
std::ptrdiff_t count_serving(const std::vector<Backend>& backends) {
    return std::ranges::count_if(backends, [](const Backend& backend) {
        return backend.weight > 0 && backend.state == BackendState::kUp;
    });
}

bool has_family(const Peer& peer, Family family) {
    const auto families = families_of(peer);
    return std::ranges::find(families, family) != families.end();
}

void check_weights(const Place& place, const Service& service, const Datapath& datapath) {
    const auto table_size = table_size_of(service, datapath);
    const auto& backends = service.backends;
    const auto list = place.find("backends");
    if (!list || backends.empty() || backends.size() > SERVICE_BACKENDS_MAX)
        return;
    if (std::ranges::all_of(backends, [](const Backend& backend) { return backend.weight == 0; })) {
        list->warning("no backend has a weight: the service gets no traffic");
        return;
    }
    if (count_serving(backends) == 0)
        list->warning("every backend that has a weight is drained or down: no new flow is served");
    const auto* sequence = std::get_if<Sequence>(&list->node().value);
    for (const auto i : without_slots(backends, table_size)) {
        const auto item = list->item((*sequence)[i], i);
        visit_text(item, "weight", [&](const Place& weight) {
            weight.warning(
                "a weight of {} is worth no slot of {} beside the others': this backend gets no traffic; "
                "raise it, or {}",
                backends[i].weight, table_size, service.table_size ? "table_size" : "datapath.table_size");
        });
    }
}

/// Warns of VIPs whose address family no peer has.
void check_announcement(const Place& place, const Service& service, const Config& config) {
    const auto announce = place.find("announce");
    if (!config.bgp) {
        if (announce)
            announce->warning("nothing is announced without a bgp section");
        return;
    }
    const auto& peers = config.bgp->peers;
    walk(place, "listen", service.listeners, [&](const Place& item, const Listener& listener) {
        const auto family = family_of(listener.vip);
        const bool told =
            std::ranges::any_of(peers, [&](const Peer& peer) { return has_family(peer, family); });
        if (!told && !listener.vip.is_unspecified())
            visit_text(item, "listen", [&](const Place& text) {
                text.warning("no router is told of {}: no peer has {} among its families",
                             listener.vip.text(), family == Family::kIpv4 ? "ipv4" : "ipv6");
            });
    });
    const auto least = announce ? announce->find("min_healthy") : std::nullopt;
    const auto with_weight =
        std::ranges::count_if(service.backends, [](const Backend& backend) { return backend.weight > 0; });
    if (least && std::cmp_greater(service.announce.min_healthy, with_weight))
        least->warning("the service has {} backends with a weight: its VIPs are never announced",
                       with_weight);
}

/// A prefix of a family that no listener has lets nobody in and keeps nobody out.
void check_clients(const Place& place, const Service& service) {
    for (const auto& [key, prefixes] : {std::pair{"allow", &service.allow}, {"deny", &service.deny}}) {
        walk(place, key, *prefixes, [&](const Place& item, const Prefix& prefix) {
            const auto same_family = [&](const Listener& listener) {
                return listener.vip.is_v4() == prefix.address.is_v4();
            };
            if (prefix.length > 0 && std::ranges::none_of(service.listeners, same_family))
                item.warning("it has no effect: the service has no {} VIP",
                             prefix.address.is_v4() ? "IPv4" : "IPv6");
        });
    }
}

/// A port to be probed is of use where something is probed by port.
void check_health_ports(const Place& place, const Service& service) {
    const bool probes_ports = service.health && service.health->check != Check::kIcmp;
    if (probes_ports)
        return;
    walk(place, "backends", service.backends, [&](const Place& item, const Backend& backend) {
        const auto port = item.find("health_port");
        if (port && backend.health_port)
            port->error("{}", service.health ? "an icmp check ignores it"
                                             : "the service has no health section: nothing is probed");
    });
}
/// What a service without checks, or without records, has no use for.
void check_tracking_and_health(const Place& place, const Service& service) {
    const auto warn = [&](std::string_view key, std::string_view why) {
        if (const auto value = place.find(key))
            value->warning("it has no effect: {}", why);
    };
    if (!service.health) {
        warn("reset_after", "the service has no health section, so no backend fails by itself");
        if (service.panic_threshold_percent > 0)
            warn("panic_threshold", "the service has no health section, so no backend fails by itself");
    } else if (service.on_down == OnDown::kKeep) {
        warn("reset_after", "with on_down: keep no flow is given up");
    } else if (service.reset_after < 2 * service.health->interval) {
        if (const auto value = place.find("reset_after"))
            value->warning("flows are given up after two intervals of the checks at the earliest, {}",
                           duration_text(2 * service.health->interval));
    }
    if (service.tracking == Tracking::kNever) {
        warn("idle_timeout", "with tracking: never no flow is recorded");
        warn("max_drain", "with tracking: never no flow is recorded");
    }
}

void check_second_chance(const Place& place, const Service& service, const Config& config) {
    const auto tracking = place.find("tracking");
    if (!tracking || service.tracking != Tracking::kSecondChance)
        return;
    const bool has_tcp = std::ranges::any_of(
        service.listeners, [](const Listener& listener) { return listener.protocol == Protocol::kTcp; });
    if (!has_tcp)
        tracking->warning("second_chance has no effect: the service has no TCP listener");
    else if (config.peers.empty())
        tracking->warning(
            "second_chance without `peers`: what a balancer does not tell the others is lost when it dies, "
            "and "
            "one that is new names nobody");
}
}  // namespace

void validate_service(const Place& place, const Service& service, const Config& config) {
    check_weights(place, service, config.datapath);
    check_announcement(place, service, config);
    check_clients(place, service);
    check_health_ports(place, service);
    check_tracking_and_health(place, service);
    check_second_chance(place, service, config);
    const auto max_drain = place.find("max_drain");
    if (max_drain && service.max_drain < service.idle_timeout)
        max_drain->warning("shorter than idle_timeout: flows that are silent for longer than this may move");
}

}  // namespace guideway::config
