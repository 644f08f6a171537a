// SPDX-License-Identifier: Apache-2.0
#include <guideway/chance.h>

#include "config/schema.hpp"
#include "config/values.hpp"

namespace guideway::config {

namespace {

using enum Presence;
using std::chrono::hours;
using std::chrono::seconds;

constexpr Duration kLongest = hours(24);

/// Reads VIP, port and protocol; quic is a key of its own.
void read_listener_text(const Place& place, Listener& listener) {
    const Scalar* scalar = place.scalar("ADDRESS:PORT/PROTOCOL");
    if (scalar == nullptr)
        return;
    const auto read = read_listener(scalar->text);
    if (!read) {
        place.error("{}", read.error().message);
        return;
    }
    listener.vip = read->vip;
    listener.port = read->port;
    listener.protocol = read->protocol;
}

/// `ADDRESS:PORT/PROTOCOL`, or a mapping with it.
void read_listen_item(const Place& place, Listener& listener) {
    if (!std::holds_alternative<Mapping>(place.node().value)) {
        read_listener_text(place, listener);
        return;
    }
    read_mapping(place, listener);
    const auto quic = place.find("quic");
    if (quic && listener.quic && listener.protocol != Protocol::kUdp)
        quic->error("QUIC needs a udp listener");
}

Value<Service> listen() {
    Value<Service> value =
        sections(&Service::listeners, "list of ADDRESS:PORT/PROTOCOL or mappings", read_listen_item);
    value.read = [read = value.read](const Place& place, Service& service) {
        read(place, service);
        const auto* sequence = std::get_if<Sequence>(&place.node().value);
        if (sequence != nullptr && sequence->empty())
            place.error("at least one listener is needed");
    };
    return value;
}

/// `ADDRESS`, or a mapping with it.
void read_backend(const Place& place, Backend& backend) {
    if (std::holds_alternative<Mapping>(place.node().value))
        read_mapping(place, backend);
    else
        scalar(&Backend::address, "address or mapping", read_backend_address).read(place, backend);
    if (backend.name.empty())
        backend.name = backend.address.text();
}

}  // namespace

template <>
const Keys<Service>& keys_of() {
    static const Keys<Service> keys{
        {"name", scalar(&Service::name, "text", read_service_name), kRequired, "web",
         "the service's name in commands and metrics: 1..63 characters of A-Z a-z 0-9 . _ -"},
        {"listen", listen(), kRequired, "\"192.0.2.10:80/tcp\"",
         "the VIPs, ports (* = any) and protocols of the service"},
        {"encapsulation",
         choice<Service, Encapsulation, Encapsulation>(
             &Service::encapsulation,
             {{"ipip", Encapsulation::kIpip}, {"gre", Encapsulation::kGre}, {"gue", Encapsulation::kGue}}),
         kDefault, "ipip", "how packets are wrapped on their way to the backends"},
        {"affinity",
         choice<Service, Affinity, Affinity>(&Service::affinity,
                                             {{"flow", Affinity::kFlow}, {"client", Affinity::kClient}}),
         kDefault, "flow", "what shares a backend: a flow's packets, or everything of a client address"},
        {"table_size", table_size(&Service::table_size), kOptional, "4093",
         "slots in the service's table, for as long as it is there; without it: datapath.table_size"},
        {"tracking",
         choice<Service, std::optional<Tracking>, Tracking>(&Service::tracking,
                                                            {{"moves", Tracking::kMoves},
                                                             {"always", Tracking::kAlways},
                                                             {"never", Tracking::kNever},
                                                             {"second_chance", Tracking::kSecondChance}}),
         kOptional, "moves",
         "which flows are remembered: those a change would move, all, or none; second_chance: no TCP flow, "
         "as "
         "packets name former owners, and backends hand on what is not theirs (QUIC as with moves); without "
         "it: moves for TCP and QUIC, never for other UDP"},
        {"idle_timeout", duration(&Service::idle_timeout, seconds(1), kLongest), kDefault, "10m",
         "a flow that is silent for this long may move"},
        {"max_drain", duration(&Service::max_drain, seconds(1), kLongest), kDefault, "1h",
         "how long flows are kept from moving at most"},
        {"max_hops", integer(&Service::max_hops, 1, CHANCE_HOPS_MAX), kOptional, "8",
         "former owners of a moving slot that a packet names, with tracking: second_chance; without it: "
         "datapath.max_hops"},
        {"on_down",
         choice<Service, OnDown, OnDown>(&Service::on_down,
                                         {{"reset", OnDown::kReset}, {"keep", OnDown::kKeep}}),
         kDefault, "reset",
         "whether the flows of a backend that goes on failing its checks are given up (after reset_after) or "
         "stay"},
        {"reset_after", duration(&Service::reset_after, seconds(0), kLongest), kDefault, "5s",
         "how long a backend goes on failing before its flows are given up; at least two intervals of its "
         "checks"},
        {"slow_start", duration(&Service::slow_start, seconds(0), kLongest), kDefault, "0s",
         "how long a backend that came up takes to get its whole share"},
        {"panic_threshold", percent(&Service::panic_threshold_percent), kDefault, "50%",
         "if less of the weight than this is healthy, all backends serve"},
        {"health", section(&Service::health), kOptional, "",
         "how backends are probed; without it: they are taken to be healthy"},
        {"announce", section(&Service::announce), kOptional, "",
         "when and how the VIPs' routes are announced"},
        {"allow", list(&Service::allow, "prefixes", read_prefix), kDefault, "[]",
         "clients that are served, as prefixes; a family without any prefix is not restricted"},
        {"deny", list(&Service::deny, "prefixes", read_prefix), kDefault, "[]",
         "clients that are not served, as prefixes, even if allow has them"},
        {"backends", sections(&Service::backends, "list of addresses or mappings", read_backend), kRequired,
         "10.0.1.12", "the hosts that serve; may be []; a bare address is a backend with defaults"},
    };
    return keys;
}

template <>
const Keys<Listener>& keys_of() {
    static const Keys<Listener> keys{
        {"listen",
         {"ADDRESS:PORT/PROTOCOL", read_listener_text},
         kRequired,
         "\"192.0.2.10:443/udp\"",
         "the VIP, port (* = any) and protocol (tcp, udp)"},
        {"quic", boolean(&Listener::quic), kDefault, "false", "whether the UDP packets are QUIC"},
    };
    return keys;
}

template <>
const Keys<Backend>& keys_of() {
    static const Keys<Backend> keys{
        {"address", scalar(&Backend::address, "IP address", read_backend_address), kRequired, "10.0.1.11",
         "where packets are sent; its canonical text is the backend's identity"},
        {"name", scalar(&Backend::name, "text", read_backend_name), kOptional, "web-1",
         "the backend's name in commands and metrics, 1..63 characters of A-Z a-z 0-9 . _ - :; in all "
         "services "
         "it means one host, or its IPv4 address in some and its IPv6 address in others: what is said by "
         "hand "
         "of the name is then said of both, of an address of that one alone; without it: its address"},
        {"weight", integer(&Backend::weight, 0, 65535), kDefault, "100",
         "share of the table relative to the service's other backends; 0 = none"},
        {"state",
         choice<Backend, BackendState, BackendState>(
             &Backend::state,
             {{"up", BackendState::kUp}, {"drain", BackendState::kDrain}, {"down", BackendState::kDown}}),
         kDefault, "up", "whether it serves, only keeps the flows it has, or is out"},
        {"mac", scalar(&Backend::mac, "MAC address", read_mac), kOptional, "\"02:00:00:00:00:11\"",
         "next hop's Ethernet address; without it: as the kernel resolves it"},
        {"mtu", integer(&Backend::mtu, 576, 65535), kOptional, "1500",
         "bytes of IP packet that fit on the way to it; without it: as the kernel's route says"},
        {"health_port", integer(&Backend::health_port, 1, 65535), kOptional, "8080",
         "the port that is probed on this backend; without it: the service's"},
    };
    return keys;
}

}  // namespace guideway::config
