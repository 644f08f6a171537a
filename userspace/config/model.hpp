// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/ip_address.hpp"
#include "util/mac_address.hpp"

/// The configuration as plain values. Defaults stand here; config/schema.hpp names, reads and explains every
/// key.
namespace guideway::config {

using Duration = std::chrono::milliseconds;

enum class Protocol : std::uint8_t { kTcp = 6, kUdp = 17 };

/// VIP address + port + protocol.
struct Listener {
    IpAddress vip;
    std::uint16_t port = 0;  ///< host order; 0 = any (`*`)
    Protocol protocol = Protocol::kTcp;
    bool quic = false;

    [[nodiscard]] std::string text() const;  ///< `192.0.2.10:443/tcp`, `[2001:db8::10]:*/udp`
    auto operator<=>(const Listener&) const = default;
};

/// An address range; bits beyond the length are zero.
struct Prefix {
    IpAddress address;
    std::uint8_t length = 0;  ///< 0..32 for IPv4, 0..128 for IPv6

    /// The range that holds this address alone.
    [[nodiscard]] static Prefix of(const IpAddress& address);

    [[nodiscard]] bool is_address() const { return length == 8 * address.wire_size(); }
    [[nodiscard]] bool holds(const Prefix& other) const;  ///< all of it
    [[nodiscard]] std::string text() const;               ///< `10.0.0.0/24`; `10.0.0.1` of one address
    auto operator<=>(const Prefix&) const = default;
};

enum class BackendState : std::uint8_t { kUp, kDrain, kDown };

/// One backend of one service.
struct Backend {
    std::string name;  ///< defaults to the address's text
    IpAddress address;
    std::uint16_t weight = 100;
    BackendState state = BackendState::kUp;
    std::optional<MacAddress> mac;             ///< the next hop's, instead of the one the kernel resolves
    std::optional<std::uint16_t> mtu;          ///< bytes of IP packet that fit on the way to the backend
    std::optional<std::uint16_t> health_port;  ///< probed instead of the service's

    bool operator==(const Backend&) const = default;
};

enum class Check : std::uint8_t { kTcp, kHttp, kHttps, kUdp, kIcmp };
enum class Via : std::uint8_t { kTunnel, kDirect };

enum class Method : std::uint8_t { kGet, kHead, kOptions };

/// HTTP status codes, both ends included.
struct StatusRange {
    std::uint16_t low = 200;
    std::uint16_t high = 299;

    auto operator<=>(const StatusRange&) const = default;
};

/// A backend that went down more than `flaps` times `within` a time is held down; each further flap doubles
/// the hold, up to `max_hold`.
struct Damping {
    std::uint32_t flaps = 3;
    Duration within = std::chrono::minutes(5);
    Duration hold = std::chrono::seconds(30);
    Duration max_hold = std::chrono::minutes(10);

    auto operator<=>(const Damping&) const = default;
};

/// How the backends of a service are probed, and judged by their probes.
struct Health {
    Check check = Check::kTcp;
    Method method = Method::kGet;  ///< of an http or https check, as all up to the body
    std::string path = "/";
    std::optional<std::string> host;         ///< nothing: the probed address
    std::vector<StatusRange> expect_status;  ///< empty: 200-299
    std::optional<std::string> expect_body;  ///< stands in the first 64 KiB of the body
    bool tls_verify = false;                 ///< of an https check, as all up to ALPN
    std::optional<std::string> ca_file;      ///< nothing: the system's
    std::optional<std::string> sni;          ///< nothing: the host, if that is a name
    std::vector<std::string> alpn;           ///< offered; empty: none is
    std::optional<std::string> send;         ///< bytes of a udp check's datagram; nothing: an empty one
    std::optional<std::string> expect;       ///< bytes its answer begins with; nothing: any answer
    std::optional<std::uint16_t> port;       ///< nothing: the first listener's
    Via via = Via::kTunnel;
    Duration interval = std::chrono::seconds(1);
    Duration timeout = std::chrono::milliseconds(500);
    std::uint32_t rise = 3;
    std::uint32_t fall = 2;
    Damping damping;
    unsigned max_move_percent = 50;  ///< of the weight, that judgements move in an interval at most

    auto operator<=>(const Health&) const = default;
};

enum class AnnounceWhen : std::uint8_t { kAny, kAll };

/// A BGP community: standard, `as:value` with 16 bits each, or large, `as:value:second` with 32 bits each
/// (RFC 8092).
struct Community {
    std::uint32_t as = 0;
    std::uint32_t value = 0;
    std::optional<std::uint32_t> second;  ///< set: it is a large one

    [[nodiscard]] std::string text() const;
    auto operator<=>(const Community&) const = default;
};

/// Where routers shall send packets for a VIP.
struct RouteNextHop {
    std::optional<IpAddress> address;  ///< nothing: this balancer's end of the session

    bool operator==(const RouteNextHop&) const = default;
};

/// What a route says beside its prefix.
struct RouteAttributes {
    std::vector<Community> communities;
    std::optional<std::uint32_t> med;
    std::optional<std::uint32_t> local_preference;
    std::optional<RouteNextHop> next_hop;   ///< of IPv4 routes
    std::optional<RouteNextHop> next_hop6;  ///< of IPv6 routes

    bool operator==(const RouteAttributes&) const = default;
};

/// When and how the routes to a service's VIPs are announced.
struct Announce : RouteAttributes {
    std::uint32_t min_healthy = 1;
    AnnounceWhen when = AnnounceWhen::kAny;

    bool operator==(const Announce&) const = default;
};

enum class Encapsulation : std::uint8_t { kIpip, kGre, kGue };
enum class Affinity : std::uint8_t { kFlow, kClient };
enum class Tracking : std::uint8_t { kMoves, kAlways, kNever, kSecondChance };
enum class OnDown : std::uint8_t { kReset, kKeep };

struct Service {
    std::string name;
    std::vector<Listener> listeners;
    Encapsulation encapsulation = Encapsulation::kIpip;
    Affinity affinity = Affinity::kFlow;
    std::optional<std::uint32_t> table_size;  ///< M, a prime; nothing: as `datapath` has it
    std::optional<Tracking> tracking;         ///< nothing: moves for TCP and QUIC, never for other UDP
    Duration idle_timeout = std::chrono::minutes(10);
    Duration max_drain = std::chrono::hours(1);
    std::optional<unsigned> max_hops;  ///< former owners that a packet names; nothing: as `datapath` has it
    OnDown on_down = OnDown::kReset;
    Duration reset_after = std::chrono::seconds(5);
    Duration slow_start{0};
    unsigned panic_threshold_percent = 50;
    std::optional<Health> health;  ///< nothing: backends are taken to be healthy
    Announce announce;
    std::vector<Prefix> allow;  ///< empty: every client
    std::vector<Prefix> deny;
    std::vector<Backend> backends;

    bool operator==(const Service&) const = default;
};

enum class Mode : std::uint8_t { kAuto, kNative, kGeneric };
enum class Attach : std::uint8_t { kExclusive, kShared };

/// The socket mark (value under mask) of health probes; the bits outside the mask tell backends apart.
struct ProbeMark {
    std::uint32_t value = 0x67000000;
    std::uint32_t mask = 0xff000000;

    auto operator<=>(const ProbeMark&) const = default;
};

struct Datapath {
    Mode mode = Mode::kAuto;
    Attach attach = Attach::kExclusive;
    std::uint32_t table_size = 65537;  ///< M of services that name none, a prime
    std::uint32_t max_services = 128;
    std::uint32_t max_backends = 16384;  ///< (service, backend) pairs
    std::uint32_t max_flows = 262144;
    unsigned max_hops = 4;                ///< of services that name none themselves
    std::optional<IpAddress> source;      ///< outer IPv4 source; nothing: the interface's own
    std::optional<IpAddress> source6;     ///< outer IPv6 source; nothing: the interface's own
    std::optional<Prefix> source_prefix;  ///< outer sources vary inside it
    bool answer_closed = false;           ///< UDP to a VIP's port without a listener gets an ICMP error
    ProbeMark probe_mark;

    bool operator==(const Datapath&) const = default;
};

/// The service's M.
[[nodiscard]] inline std::uint32_t table_size_of(const Service& service, const Datapath& datapath) {
    return service.table_size.value_or(datapath.table_size);
}

/// How many former owners a packet of the service may name.
[[nodiscard]] inline unsigned max_hops_of(const Service& service, const Datapath& datapath) {
    return service.max_hops.value_or(datapath.max_hops);
}

enum class Family : std::uint8_t { kIpv4, kIpv6 };

/// A BGP neighbour.
struct Peer {
    IpAddress address;
    std::uint32_t as = 0;
    std::optional<IpAddress> source;  ///< this balancer's end; nothing: as the kernel routes
    std::uint16_t port = 179;
    Duration hold_time = std::chrono::seconds(90);  ///< whole seconds
    std::string password;                           ///< TCP MD5 (RFC 2385); empty: none
    std::string password_file;                      ///< where the password was read from
    std::optional<std::uint8_t> ttl;                ///< of the session's packets; nothing: the system's
    Duration graceful_restart{0};                   ///< whole seconds; 0: not negotiated
    std::vector<Family> families;                   ///< of routes; empty: that of the address

    bool operator==(const Peer&) const = default;
};

/// The families of the routes that a peer gets.
[[nodiscard]] std::vector<Family> families_of(const Peer& peer);
[[nodiscard]] Family family_of(const IpAddress& address);

/// The routers, and what the routes of all services say; a service's own attributes come before these, its
/// communities beside them.
struct Bgp : RouteAttributes {
    std::uint32_t local_as = 0;
    IpAddress router_id;  ///< IPv4; unspecified: auto
    std::vector<Peer> peers;
    Duration graceful_shutdown = std::chrono::seconds(10);
    Duration hold_after_kill = std::chrono::seconds(30);  ///< 0: ExaBGP dies with its agent

    bool operator==(const Bgp&) const = default;
};

/// An IP address and a TCP port to listen on.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    [[nodiscard]] std::string text() const;  ///< `127.0.0.1:9660`, `[::1]:9660`
    auto operator<=>(const Endpoint&) const = default;
};

/// SipHash key of the flow hash; bytes as the 32 hex digits read.
using HashKey = std::array<std::uint8_t, 16>;

/// What /metrics shows.
struct Metrics {
    bool backends = true;  ///< each service's backends one by one, too

    bool operator==(const Metrics&) const = default;
};

/// What a reload may do without being told by hand.
struct Reload {
    unsigned max_move_percent = 100;  ///< of a service's slots

    bool operator==(const Reload&) const = default;
};

constexpr const char* kDefaultRuntimeDir = "/run/guideway";
constexpr const char* kDefaultStateDir = "/var/lib/guideway";

struct Config {
    std::vector<std::string> interfaces;
    HashKey hash_key{};
    std::string hash_key_file;  ///< where the key was read from; empty: it stood in the configuration
    std::string runtime_dir = kDefaultRuntimeDir;
    std::string state_dir;  ///< empty: as state_dir_of() has it
    std::string pins = "/sys/fs/bpf/guideway";
    std::string control_group;  ///< that may use the control socket; empty: its owner alone
    std::optional<Endpoint> http;
    std::vector<Endpoint> peers;  ///< the other balancers' `http`
    Metrics metrics;
    Reload reload;
    Datapath datapath;
    std::optional<Bgp> bgp;
    std::vector<Service> services;

    bool operator==(const Config&) const = default;
};

/// Where what outlives a reboot is kept: the default one belongs to the agent with the default runtime_dir;
/// another agent on the same host keeps it in its own runtime_dir, unless it is told where.
[[nodiscard]] std::string state_dir_of(const Config& config);

}  // namespace guideway::config
