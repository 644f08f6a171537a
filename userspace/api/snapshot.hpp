// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/bgp_snapshot.hpp"
#include "control/slot_lives.hpp"
#include "datapath/counters.hpp"
#include "health/monitor.hpp"
#include "util/mac_address.hpp"
#include "util/process_usage.hpp"

namespace guideway::api {

struct NextHopSnapshot {
    std::string interface;
    MacAddress mac;
    IpAddress source;
};

/// What a backend of a service is doing.
enum class BackendActivity : std::uint8_t {
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
    BackendActivity activity = BackendActivity::kUp;
    bool alive = true;     ///< flows that it has stay with it
    bool by_hand = false;  ///< its state was ordered by hand, beside the configuration
    std::uint32_t slots = 0;
    std::uint32_t learning_slots = 0;  ///< slots of others in which its flows are still being learnt
    std::uint64_t flows = 0;           ///< flow records that lead to it
    std::optional<NextHopSnapshot> next_hop;
    std::string trouble;  ///< why there is no next hop; empty if there is one, or without an agent
    std::optional<health::BackendFacts> health;  ///< if it is probed
    abi::traffic traffic{};
};

/// How many backends a service has, as the kernel's entries tell it.
struct BackendCounts {
    std::uint32_t configured = 0;
    std::uint32_t serving = 0;  ///< of them: with a share of new flows
    std::uint32_t leaving = 0;
};

struct ServiceSnapshot {
    std::string name;
    std::uint16_t number = 0;
    std::uint32_t table_size = 0;
    bool affinity_client = false;
    std::vector<std::string> listeners;
    std::string base_digest;
    std::string digest;  ///< of the serving table
    std::uint32_t learning_slots = 0;
    std::uint32_t tracking_slots = 0;
    std::uint32_t naming_slots = 0;  ///< their packets name former owners; the others are settled
    /// Of these, how many name one former owner, how many two, ...; empty without an agent.
    std::vector<std::uint32_t> slots_by_hops;
    std::uint32_t hops_left_out = 0;  ///< former owners that found no room in a list
    BackendCounts backend_counts;
    std::vector<BackendSnapshot> backends;       ///< none if they were not asked for
    std::vector<BackendSnapshot> leaving;        ///< in no table any more
    std::optional<health::ServiceFacts> health;  ///< if its backends are probed
    std::string fault;  ///< why nothing is forwarded for it, as far as the agent knows
    abi::service_counters counters{};

    [[nodiscard]] std::uint32_t settled_slots() const {
        return table_size - learning_slots - tracking_slots - naming_slots;
    }
};

/// The flow table's fill, as the last pass over it found it, and how many records there is room for.
struct FlowTableSnapshot {
    std::uint64_t records = 0;
    std::uint64_t capacity = 0;
};

/// How many elements of a map are taken, and how many there are.
struct MapSnapshot {
    std::string name;  ///< of its pin
    std::uint64_t entries = 0;
    std::uint64_t capacity = 0;
};

/// What the kernel says of an interface.
struct LinkSnapshot {
    bool up = false;      ///< by the administrator's will, and its link as well
    bool native = false;  ///< its driver runs the program; otherwise the kernel's generic path does
    std::uint32_t mtu = 0;
};

struct InterfaceSnapshot {
    std::string name;  ///< as configured
    bool attached = false;
    std::string device;                ///< what it is called now; empty: as configured
    std::optional<LinkSnapshot> link;  ///< nothing: there is no such interface, or nobody has looked
};

using Clock = std::chrono::system_clock;

struct ReloadSnapshot {
    Clock::time_point at;
    bool ok = true;
    std::vector<std::string> errors;  ///< why it was refused
};

struct ReloadHistory {
    ReloadSnapshot last;  ///< the start counts as one
    std::uint64_t done = 0;
    std::uint64_t refused = 0;
};

/// What only the agent knows.
struct AgentSnapshot {
    std::string version;
    std::string host;  ///< its name
    int process = 0;
    Clock::time_point started;
    std::string config_file;
    std::string pins;
    std::string fingerprint;
    ReloadHistory reloads;
    std::chrono::nanoseconds loop_late{0};  ///< the most that a timer was late between two snapshots
    std::string fault;                      ///< why its datapath forwards nothing; empty: proven to forward
    std::map<std::string, std::string> renamed;  ///< present names of interfaces, by configured ones
    std::vector<std::string> degraded;           ///< what is missing although it forwards, a sentence each
    std::optional<BgpSnapshot> bgp;              ///< nothing: it announces nothing
    std::optional<ProcessUsage> usage;           ///< of the agent's process
};

/// Which backends a service's slots lead to: all slots, or of a large table every so many.
struct TableSnapshot {
    std::uint32_t table_size = 0;
    std::uint32_t step = 1;
    std::vector<std::uint16_t>
        owners;                ///< numbers of backends: of the slots 0, step, 2 * step, ...; 0: nobody
    std::vector<bool> moving;  ///< for each of them
};

/// Everything that the outside reads about a balancer, at one moment.
struct Snapshot {
    Clock::time_point at;
    std::uint32_t abi_version = abi::GUIDEWAY_ABI_VERSION;
    std::uint32_t table_size = 0;
    std::optional<AgentSnapshot> agent;
    std::vector<InterfaceSnapshot> interfaces;
    FlowTableSnapshot flow_table;
    std::vector<MapSnapshot> maps;  ///< those that the configuration fills
    std::vector<ServiceSnapshot> services;
    std::optional<health::ProberCounts> probes;  ///< of all services, if any are sent
    datapath::VerdictCounts verdicts{};
};

/// What the agent knows of a backend beside what the kernel holds.
struct KnownBackend {
    IpAddress address;
    std::string name;
    bool by_hand = false;
    std::optional<BackendActivity> activity;  ///< instead of what the kernel's entry tells
    std::string trouble;                      ///< why there is no next hop, if there is none
    std::optional<health::BackendFacts> health;
};

struct KnownService {
    std::string name;
    std::string fault;
    std::vector<std::uint32_t> slots_by_hops;
    std::uint32_t hops_left_out = 0;
    std::optional<health::ServiceFacts> health;
    std::vector<KnownBackend> backends;  ///< none if they were not asked for
};

struct AgentKnowledge {
    AgentSnapshot agent;
    std::vector<InterfaceSnapshot> interfaces;
    std::optional<health::ProberCounts> probes;
    std::vector<KnownService> services;
    std::shared_ptr<const control::FlowCounts> flows;
};

void add_knowledge(ServiceSnapshot& service, KnownService& known);
/// Adds what the agent knows of the services and backends that the snapshot has.
void add_knowledge(Snapshot& snapshot, AgentKnowledge knowledge);

/// `up`, `slow_start`, `drain`, `down`, `leaving`
[[nodiscard]] std::string_view text(BackendActivity activity);

}  // namespace guideway::api
