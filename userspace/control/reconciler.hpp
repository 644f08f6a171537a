// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/desired_state.hpp"
#include "control/numbering.hpp"
#include "control/service_table.hpp"
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
    std::vector<std::uint16_t> slots;     ///< its new table; empty if changing the kept one will do
    std::shared_ptr<ServiceTable> table;  ///< the new one, if it is to be kept
    std::optional<TableFacts> facts;      ///< of the new table
};

/// All that has to be computed before the first store.
struct Change {
    std::shared_ptr<const DesiredState> desired;
    Numbering numbering;
    std::unique_ptr<abi::listener_index> listeners;
    std::vector<ServiceChange> services;
};

/// Makes the maps hold the desired state, by writing only what differs. It takes over what an earlier agent
/// left in them. At any moment between two stores every packet finds a valid way.
class Reconciler {
  public:
    explicit Reconciler(const datapath::Maps& maps);

    /// Works out the way to the desired state: everything that can fail or takes long. May run on another
    /// thread, and uses several; meanwhile nothing but refresh_next_hops() may be called.
    [[nodiscard]] Result<Change> prepare(DesiredState desired) const;

    /// Goes it; stores only, nothing can fail.
    void commit(Change change, const NextHopOf& next_hop_of);

    /// Both. An error leaves all that packets read as it was.
    [[nodiscard]] Result<void> apply(DesiredState desired, const NextHopOf& next_hop_of);

    /// Stores the next hops that changed.
    void refresh_next_hops(const NextHopOf& next_hop_of);

    /// Frees the numbers of what was removed; call when a grace period has passed.
    void release_retired();

  private:
    [[nodiscard]] std::vector<ServiceChange> changed_services(const Change& change) const;
    [[nodiscard]] Result<void> prepare_counters(const Change& change) const;
    void store_service(ServiceChange& change, const ServiceNumbers& numbers, const NextHopOf& next_hop_of);
    void clear_leftovers(const ServiceNumbers& numbers);
    void move_retired_backends(const ServiceNumbers& from, const ServiceNumbers& to);
    void retire(const Numbering& numbering);
    void keep(const std::string& service, std::shared_ptr<ServiceTable> table);
    void forget(const std::string& service);

    const datapath::Maps& maps_;
    Numbering numbering_;
    std::shared_ptr<const DesiredState> state_ = std::make_shared<DesiredState>();
    std::map<std::string, const DesiredService*> services_;  ///< of state_, by name
    /// Tables of services, to change them by little; one that is missing is built again when it is needed.
    std::map<std::string, std::shared_ptr<ServiceTable>> tables_;
    std::size_t kept_bytes_ = 0;
};

}  // namespace guideway::control
