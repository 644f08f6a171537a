// SPDX-License-Identifier: Apache-2.0
#include "config/validator.hpp"

#include <guideway/client_filter.h>
#include <guideway/listener.h>
#include <guideway/service.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "config/announce_validator.hpp"
#include "config/health_validator.hpp"
#include "config/name_validator.hpp"
#include "config/service_validator.hpp"
#include "config/share.hpp"
#include "config/walk.hpp"

namespace guideway::config {

namespace {

constexpr std::size_t kMaxServiceBackends = SERVICE_BACKENDS_MAX;
constexpr std::size_t kMaxListenersAndVips = LISTENER_KEYS_MAX;
// Below this many slots a backend, shares differ by more than a percent or two.
constexpr std::size_t kSlotsPerBackend = 100;

using Vips = FirstUses<IpAddress>;

void check_hash_key(const Place& root) {
    const auto key = root.find("hash_key");
    const auto file = root.find("hash_key_file");
    if (!key && !file)
        root.missing("hash_key").error("one of hash_key and hash_key_file is required");
    if (key && file)
        file->error("hash_key is set as well; keep one of them");
}

void check_interfaces(const Place& root, const Config& config) {
    std::set<std::string> seen;
    const auto list = root.find("interfaces");
    const auto* sequence = list ? std::get_if<Sequence>(&list->node().value) : nullptr;
    if (sequence == nullptr || sequence->size() != config.interfaces.size())
        return;
    for (std::size_t i = 0; i < sequence->size(); ++i)
        if (!seen.insert(config.interfaces[i]).second)
            list->item((*sequence)[i], i).error("{} is listed twice", config.interfaces[i]);
}

void check_names(const Place& root, const Config& config) {
    FirstUses<std::string> names;
    walk(root, "services", config.services, [&](const Place& place, const Service& service) {
        const auto name = place.find("name");
        if (service.name.empty() || !name)
            return;
        if (const auto line = names.claim(service.name, *name))
            name->error("{} is already used at line {}", service.name, line);
    });
}

Vips check_listeners(const Place& root, const Config& config) {
    FirstUses<std::string> listeners;
    Vips vips;
    const auto check = [&](const Place& item, const Listener& listener) {
        if (listener.vip.is_unspecified())
            return;
        visit_text(item, "listen", [&](const Place& place) {
            vips.claim(listener.vip, place);
            if (const auto line = listeners.claim(listener.text(), place))
                place.error("{} is already used at line {}", listener.text(), line);
        });
    };
    walk(root, "services", config.services, [&](const Place& place, const Service& service) {
        walk(place, "listen", service.listeners, check);
    });
    if (listeners.size() + vips.size() > kMaxListenersAndVips)
        root.find("services")
            ->error("{} listeners and {} VIPs do not fit; together they are at most {}", listeners.size(),
                    vips.size(), kMaxListenersAndVips);
    return vips;
}

/// The addresses and names of one service's backends.
class PoolCheck {
  public:
    explicit PoolCheck(const Vips& vips) : vips_(vips) {}

    void operator()(const Place& item, const Backend& backend) {
        if (backend.address.is_unspecified())
            return;
        visit_text(item, "address", [&](const Place& place) { check_address(place, backend); });
        visit_text(item, "name", [&](const Place& place) { check_name(place, backend); });
    }

  private:
    void check_address(const Place& place, const Backend& backend) {
        if (const auto line = vips_.line_of(backend.address))
            place.error("{} is a VIP, at line {}", backend.address.text(), line);
        if (const auto line = addresses_.claim(backend.address, place)) {
            place.error("{} is already used at line {}", backend.address.text(), line);
            is_repeated_ = true;
        } else {
            is_repeated_ = false;
        }
    }

    void check_name(const Place& place, const Backend& backend) {
        if (const auto line = names_.claim(backend.name, place); line != 0 && !is_repeated_)
            place.error("the name {} is already used at line {}", backend.name, line);
    }

    const Vips& vips_;
    FirstUses<IpAddress> addresses_;
    FirstUses<std::string> names_;
    bool is_repeated_ = false;
};

void check_pool(const Place& place, const Service& service, const Datapath& datapath, const Vips& vips) {
    walk(place, "backends", service.backends, PoolCheck(vips));
    const std::size_t count = service.backends.size();
    if (count > kMaxServiceBackends)
        place.find("backends")
            ->error("{} backends do not fit; a service has at most {}", count, kMaxServiceBackends);
    else if (const auto size = table_size_of(service, datapath); count * kSlotsPerBackend > size)
        place.find("backends")
            ->warning("{} backends share unevenly in a table of {} slots; {} should be at least {}", count,
                      size, service.table_size ? "table_size" : "datapath.table_size",
                      count * kSlotsPerBackend);
}

/// Tables that no cache holds cost every packet a wait for memory.
void check_tables(const Place& services, const Config& config) {
    constexpr std::uint64_t kBytesWithoutWorry = 4 << 20;
    constexpr std::uint64_t kWorthwhile = 4;
    const Datapath& datapath = config.datapath;
    std::uint64_t slots = 0, pages = 0, advised = 0;
    for (const Service& service : config.services) {
        slots += table_size_of(service, datapath);
        pages += table_pages(table_size_of(service, datapath));
        advised += advised_table_size(service.backends);
    }
    const std::uint64_t room = std::uint64_t{datapath.max_services} * table_pages(datapath.table_size);
    if (pages > room)
        services.error(
            "tables of {} slots in all do not fit; there is room for datapath.max_services of "
            "datapath.table_size slots",
            slots);
    else if (slots * sizeof(__u16) > kBytesWithoutWorry && slots > kWorthwhile * advised)
        services.warning(
            "the tables take {:.1f} MB, which no core's cache holds, and {:.1f} MB would do: `guideway "
            "table` "
            "advises a table_size for each service (another size moves all of its flows)",
            slots * sizeof(__u16) / 1e6, advised * sizeof(__u16) / 1e6);
}

void check_limits(const Place& root, const Config& config) {
    const auto services = root.find("services");
    if (!services)
        return;
    const Datapath& datapath = config.datapath;
    if (config.services.size() > datapath.max_services)
        services->error("{} services do not fit; datapath.max_services is {}", config.services.size(),
                        datapath.max_services);
    else
        check_tables(*services, config);
    std::size_t backends = 0, prefixes = 0;
    for (const Service& service : config.services) {
        backends += service.backends.size();
        if (!service.deny.empty() || !service.allow.empty())
            prefixes += service.allow.size() + service.deny.size() + 2;  // all of IPv4, all of IPv6
    }
    if (prefixes > CLIENT_PREFIXES_MAX)
        services->error("{} prefixes of allow and deny in all do not fit; there is room for {}", prefixes,
                        static_cast<unsigned>(CLIENT_PREFIXES_MAX));
    else if (prefixes > CLIENT_PREFIXES_MAX / 2)
        services->warning(
            "{} prefixes of allow and deny in all: a reload that changes them needs room for "
            "the old and the new, and there is room for {}",
            prefixes, static_cast<unsigned>(CLIENT_PREFIXES_MAX));
    if (backends > datapath.max_backends)
        services->error("{} backends in all do not fit; datapath.max_backends is {}", backends,
                        datapath.max_backends);
}

bool is_explicit(const std::optional<RouteNextHop>& next_hop) {
    return next_hop && next_hop->address;
}

/// Whether routes of that family have a next hop without the session's own address.
bool has_explicit_next_hop(const Config& config, Family family) {
    const auto member = family == Family::kIpv4 ? &RouteAttributes::next_hop : &RouteAttributes::next_hop6;
    return is_explicit((*config.bgp).*member) &&
           std::ranges::none_of(config.services, [&](const Service& each) {
               return (each.announce.*member) && !is_explicit(each.announce.*member);
           });
}

void check_families(const Place& place, const Peer& peer, const Config& config) {
    FirstUses<std::uint8_t> seen;
    const auto check = [&](const Place& item, Family family) {
        const bool v4 = family == Family::kIpv4;
        if (seen.claim(static_cast<std::uint8_t>(family), item))
            item.error("{} is listed twice", v4 ? "ipv4" : "ipv6");
        if (family != family_of(peer.address) && !has_explicit_next_hop(config, family))
            item.error(
                "{0} routes over an {1} session need an address in bgp.{2}, and no 'self' in a "
                "service's {2}",
                v4 ? "IPv4" : "IPv6", v4 ? "IPv6" : "IPv4", v4 ? "next_hop" : "next_hop6");
    };
    walk(place, "families", peer.families, check);
}

/// An identifier is as long as an IPv4 address, whatever the sessions run over.
void check_router_id(const Place& place, const std::vector<Peer>& peers) {
    const auto* text = std::get_if<Scalar>(&place.node().value);
    if (text != nullptr && text->text == "auto" &&
        std::ranges::none_of(peers, [](const Peer& peer) { return peer.address.is_v4(); }))
        place.error("auto is this end of a session over IPv4, and no peer has an IPv4 address; write one");
}

void check_bgp(const Place& root, const Config& config, const Vips& vips) {
    const auto bgp = root.find("bgp");
    if (!bgp || !config.bgp)
        return;
    if (const auto peers = bgp->find("peers"); peers && config.bgp->peers.empty())
        peers->warning("no router is told of anything: there is no peer");
    if (const auto id = bgp->find("router_id"))
        check_router_id(*id, config.bgp->peers);
    FirstUses<IpAddress> addresses;
    walk(*bgp, "peers", config.bgp->peers, [&](const Place& place, const Peer& peer) {
        const auto address = place.find("address");
        if (!address || peer.address.is_unspecified())
            return;
        if (const auto line = addresses.claim(peer.address, *address))
            address->error("{} is already used at line {}", peer.address.text(), line);
        if (const auto line = vips.line_of(peer.address))
            address->error("{} is a VIP, at line {}", peer.address.text(), line);
        if (const auto source = place.find("source");
            source && peer.source && peer.source->is_v4() != peer.address.is_v4())
            source->error("{} is not of the family of {}", peer.source->text(), peer.address.text());
        check_families(place, peer, config);
    });
}

/// What leaves this host, or comes to it, under a VIP is taken for traffic.
void check_own_addresses(const Place& root, const Config& config, const Vips& vips) {
    const auto check = [&](const std::optional<Place>& place, const std::optional<IpAddress>& address) {
        if (const auto line = place && address ? vips.line_of(*address) : 0)
            place->error("{} is a VIP, at line {}", address->text(), line);
    };
    const auto datapath = root.find("datapath");
    check(datapath ? datapath->find("source") : std::nullopt, config.datapath.source);
    check(datapath ? datapath->find("source6") : std::nullopt, config.datapath.source6);
    check(root.find("http"), config.http ? std::optional(config.http->address) : std::nullopt);
}

}  // namespace

void validate(const Place& root, const Config& config) {
    check_hash_key(root);
    check_interfaces(root, config);
    check_auto_alone(root, config.interfaces);
    check_names(root, config);
    const Vips vips = check_listeners(root, config);
    walk(root, "services", config.services, [&](const Place& place, const Service& service) {
        check_pool(place, service, config.datapath, vips);
        validate_health(place, service);
        validate_service(place, service, config);
    });
    validate_announcements(root, config);
    check_own_addresses(root, config, vips);
    validate_backend_names(root, config);
    check_limits(root, config);
    check_bgp(root, config, vips);
}

}  // namespace guideway::config
