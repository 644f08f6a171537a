// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/desired_state.hpp"
#include "control/numbering.hpp"
#include "control/renames.hpp"
#include "control/service_table.hpp"
#include "control/slot_lives.hpp"
#include "control/table_facts.hpp"
#include "datapath/listener_index.hpp"
#include "datapath/maps.hpp"
#include "net/next_hops.hpp"

namespace guideway::control {

/// The way to a backend, or nothing while it is not known.
using NextHopOf = std::function<std::optional<net::NextHop>(const DesiredBackend&)>;

/// A service that differs from what the kernel holds.
struct ServiceChange {
    const DesiredService* service = nullptr;
    std::vector<std::uint16_t> slots;          ///< its new table; empty if changing the kept one will do
    std::shared_ptr<ServiceTable> table;       ///< the new one, if it is to be kept
    std::optional<TableFacts> facts;           ///< of the new table
    std::vector<ServiceTable::Move> draining;  ///< slots whose flows may be with a draining backend
};

/// A service's in the map 'clients'.
struct StoredFilter {
    std::uint16_t number = 0;
    std::shared_ptr<const std::vector<datapath::ClientPrefix>> prefixes;
};

/// A service's number there; 0 if all are served.
[[nodiscard]] inline std::uint16_t number_in(const std::map<std::string, StoredFilter>& filters,
                                             const std::string& service) {
    const auto found = filters.find(service);
    return found == filters.end() ? std::uint16_t{0} : found->second.number;
}

/// All that has to be computed before the first store.
struct Change {
    std::shared_ptr<DesiredState> desired;
    Numbering numbering;
    std::unique_ptr<abi::listener_index> listeners;
    std::vector<ServiceChange> services;
    std::map<std::string, StoredFilter> filters;  ///< by service; without one: all are served
};

/// What the maps know of the flows that there are.
enum class EarlierFlows : std::uint8_t {
    kUnknown,  ///< nothing: flows may have begun on other balancers, or before a reboot
    kRecorded  ///< an earlier agent left it in them
};

/// Makes the maps hold the desired state, by writing only what differs. It takes over what an earlier agent
/// left in them. At any moment between two stores every packet finds a valid way.
class Reconciler {
  public:
    explicit Reconciler(const datapath::Maps& maps, EarlierFlows earlier = EarlierFlows::kRecorded);

    /// Services go on under other names: with their numbers, slots and flows. The kernel learns of the names
    /// by the next commit().
    void rename(const Renames& renames);

    /// Works out the way to the desired state: everything that can fail or takes long. May run on another
    /// thread, and uses several; meanwhile nothing but refresh_next_hops() may be called.
    [[nodiscard]] Result<Change> prepare(DesiredState desired) const;

    /// Makes the change. It only stores, so nothing can fail.
    void commit(Change change, const NextHopOf& next_hop_of, TimePoint now);

    /// prepare() and commit(). An error leaves all that packets read as it was.
    [[nodiscard]] Result<void> apply(DesiredState desired, const NextHopOf& next_hop_of, TimePoint now);

    /// Brings backends into other conditions, and returns the numbers of the services whose slots that moves.
    /// What would take longer than `at_most` to find out, for all of them together, is postponed.
    [[nodiscard]] std::vector<std::uint16_t> adjust(
        const std::map<BackendId, Condition>& conditions, const NextHopOf& next_hop_of, TimePoint now,
        std::chrono::nanoseconds at_most = std::chrono::nanoseconds::max());

    [[nodiscard]] bool has_postponed() const { return !postponed_.empty(); }
    /// Takes the next few services that were postponed.
    void begin_postponed();
    /// Finds out which of their slots move. May run on another thread; meanwhile nothing but
    /// refresh_next_hops() and sweeps may be called.
    void compute_postponed();
    /// Moves the slots, and returns the numbers of the services that they are of.
    [[nodiscard]] std::vector<std::uint16_t> store_postponed(TimePoint now);

    /// Stores the next hops that changed.
    void refresh_next_hops(const NextHopOf& next_hop_of);

    /// Compares services, listeners and client filters in the maps with what was stored, and writes anew what
    /// somebody changed; the names of those maps. Of long filters a part is compared at a time.
    [[nodiscard]] std::vector<std::string_view> mend();

    /// Backends that are in no table any more, but still serve flows that they have.
    [[nodiscard]] std::vector<DesiredBackend> leaving() const;

    /// A pass over the flow records that settles what needs none, and frees the numbers that nothing
    /// refers to any more: begin_sweep(), then wait_for_rcu_grace_period(), sweep() with every record,
    /// end_sweep().
    [[nodiscard]] bool needs_sweeps() const;
    /// Whether that is urgent: slots move, or numbers are to be freed.
    [[nodiscard]] bool is_moving() const;
    [[nodiscard]] Result<void> begin_sweep(TimePoint now);
    [[nodiscard]] Result<void> sweep(std::span<const datapath::FlowEntry> entries);
    void end_sweep();

    [[nodiscard]] const SlotLives& lives() const { return lives_; }

    /// A service whose packets name former owners.
    struct Remembered {
        const DesiredService* service;
        SlotLife* life;
    };
    [[nodiscard]] std::vector<Remembered> histories();
    [[nodiscard]] std::uint32_t next_revision() { return lives_.next_revision(); }
    [[nodiscard]] const Numbering& numbering() const { return numbering_; }
    /// What the kernel is to hold now.
    [[nodiscard]] const DesiredState& desired() const { return *state_; }

  private:
    [[nodiscard]] std::vector<ServiceChange> changed_services(const Change& change) const;
    [[nodiscard]] bool has_its_name(const DesiredService& service) const;
    void compute_table(ServiceChange& change, const ServiceNumbers& numbers) const;
    [[nodiscard]] Result<void> prepare_filters(Change& change) const;
    [[nodiscard]] Result<void> prepare_counters(const Change& change) const;
    [[nodiscard]] Result<void> prepare_chances(const Change& change) const;
    void store_service(ServiceChange& change, const ServiceNumbers& numbers, std::uint16_t filter,
                       const NextHopOf& next_hop_of, TimePoint now);
    void note_refusals(TimePoint now);
    void store_backend(const DesiredBackend& backend, const ServiceNumbers& numbers,
                       const NextHopOf& next_hop_of);
    void change_slots(const DesiredService& service, const ServiceNumbers& numbers, SlotLife& life,
                      TimePoint now);
    void take_table(const std::string& service, std::shared_ptr<ServiceTable> table, SlotLife& life,
                    TimePoint now);
    [[nodiscard]] std::chrono::nanoseconds change_cost(const DesiredService& service) const;
    [[nodiscard]] bool mend_services();
    [[nodiscard]] bool mend_filters();
    void clear_leftovers(const ServiceNumbers& numbers);
    void move_retired_backends(const ServiceNumbers& from, const ServiceNumbers& to);
    void retire(const Numbering& numbering);
    void remember_leaving(const Numbering& next);
    [[nodiscard]] bool forget_fragments() const;
    void free_numbers();
    void keep(const std::string& service, std::shared_ptr<ServiceTable> table);
    void forget(const std::string& service);

    const datapath::Maps& maps_;
    EarlierFlows earlier_flows_;
    Numbering numbering_;
    std::shared_ptr<DesiredState> state_ = std::make_shared<DesiredState>();
    std::map<std::string, DesiredService*> services_;  ///< of state_, by name
    std::map<std::string, StoredFilter> filters_;
    std::unique_ptr<abi::listener_index> listeners_;  ///< as published
    std::size_t mended_ = 0;                          ///< of all filters' prefixes, where mend() goes on
    SlotLives lives_;
    /// Backends that were configured, as they were: their flows still need a way.
    std::map<BackendId, DesiredBackend> leaving_;
    Retired unused_;  ///< what the present pass frees if it finds no record of it
    /// Tables of services, to change them by little; one that is missing is built again when it is needed.
    std::map<std::string, std::shared_ptr<ServiceTable>> tables_;
    std::size_t kept_bytes_ = 0;
    /// Services whose slots are still to be moved, and those of which it is being found out which.
    std::set<std::string> postponed_;
    struct Postponed {
        const DesiredService* service;
        ServiceNumbers numbers;
        std::shared_ptr<ServiceTable> table;  ///< as it was kept
        std::shared_ptr<ServiceTable> built;  ///< where none was
        std::vector<ServiceTable::Move> moves;
    };
    std::vector<Postponed> computing_;
};

}  // namespace guideway::control
