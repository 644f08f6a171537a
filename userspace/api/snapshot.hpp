// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/bgp_snapshot.hpp"
#include "datapath/counters.hpp"
#include "health/monitor.hpp"
#include "util/mac_address.hpp"

namespace guideway::api {

struct NextHopSnapshot {
    std::string interface;
    MacAddress mac;
    IpAddress source;
};

/// What a backend of a service is doing.
enum class BackendStanding : std::uint8_t {
    kUp,
    kSlowStart,  ///< up, with a part of its share
    kDrain,      ///< keeps the flows it has
    kDown,
    kLeaving,  ///< no longer configured; keeps the flows it has
};

struct BackendSnapshot {
    IpAddress address;
    std::string name;  ///< as configured; empty without an agent
    std::uint16_t number = 0;
    std::uint16_t weight = 0;
    std::uint16_t availability = 0;  ///< 0..256
    BackendStanding standing = BackendStanding::kUp;
    bool alive = true;     ///< flows that it has stay with it
    bool by_hand = false;  ///< its standing was said by hand, beside the configuration
    std::uint32_t slots = 0;
    std::uint32_t learning_slots = 0;  ///< slots of others in which its flows are still being learnt
    std::uint64_t flows = 0;           ///< flow records that lead to it
    std::optional<NextHopSnapshot> next_hop;
    std::string trouble;  ///< why there is no next hop; empty if there is one, or without an agent
    std::optional<health::BackendFacts> health;  ///< if it is probed
    abi::traffic traffic{};
};

struct ServiceSnapshot {
    std::string name;
    std::uint16_t number = 0;
    bool affinity_client = false;
    std::vector<std::string> listeners;
    std::string base_digest;
    std::string digest;  ///< of the serving table
    std::uint32_t learning_slots = 0;
    std::uint32_t tracking_slots = 0;  ///< the others are settled
    std::vector<BackendSnapshot> backends;
    std::vector<BackendSnapshot> leaving;        ///< in no table any more
    std::optional<health::ServiceFacts> health;  ///< if its backends are probed
    std::string fault;  ///< why nothing is forwarded for it, as far as the agent knows
    abi::service_counters counters{};
};

struct InterfaceSnapshot {
    std::string name;
    bool attached = false;
};

using Clock = std::chrono::system_clock;

struct ReloadSnapshot {
    Clock::time_point at;
    bool ok = true;
    std::vector<std::string> errors;  ///< why it was refused
};

/// What only the agent knows.
struct AgentSnapshot {
    std::string version;
    int process = 0;
    Clock::time_point started;
    std::string config_file;
    std::string pins;
    std::string fingerprint;
    ReloadSnapshot last_reload;  ///< the start counts as one
    std::uint64_t reloads = 0;
    std::uint64_t refused_reloads = 0;
    std::string fault;               ///< why its datapath forwards nothing; empty: proven to forward
    std::optional<BgpSnapshot> bgp;  ///< nothing: it announces nothing
};

/// Everything that the outside reads about a balancer, at one moment.
struct Snapshot {
    Clock::time_point at;
    std::uint32_t abi_version = abi::GUIDEWAY_ABI_VERSION;
    std::uint32_t table_size = 0;
    std::optional<AgentSnapshot> agent;
    std::vector<InterfaceSnapshot> interfaces;
    std::vector<ServiceSnapshot> services;
    std::optional<health::ProberCounts> probes;  ///< of all services, if any are sent
    datapath::VerdictCounts verdicts{};
};

/// `up`, `slow_start`, `drain`, `down`, `leaving`
[[nodiscard]] std::string_view text(BackendStanding standing);

/// Why the balancer should get no traffic; empty if it should. With a bgp section, it is not ready either
/// before a first session has come up, and while ExaBGP cannot be run: nobody is told of it. What routers do
/// to sessions later does not make it so.
[[nodiscard]] std::string not_ready_because(const Snapshot& snapshot);

}  // namespace guideway::api
