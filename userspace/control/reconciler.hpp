// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/desired_state.hpp"
#include "control/numbering.hpp"
#include "control/service_table.hpp"
#include "datapath/listener_index.hpp"
#include "datapath/maps.hpp"
#include "net/next_hops.hpp"

namespace guideway::control {

/// The way to a backend, or nothing while it is not known.
using NextHopOf = std::function<std::optional<net::NextHop>(const DesiredBackend&)>;

/// Makes the maps hold the desired state, by writing only what differs. It takes over what an earlier agent
/// left in them. At any moment between two stores every packet finds a valid way.
class Reconciler {
  public:
    explicit Reconciler(const datapath::Maps& maps);

    /// Everything that can fail is done before the first store: an error leaves the maps as they were.
    [[nodiscard]] Result<void> apply(const DesiredState& desired, const NextHopOf& next_hop_of);

    /// Stores the next hops that changed.
    void refresh_next_hops(const NextHopOf& next_hop_of);

    /// Frees the numbers of what apply() removed; call when a grace period has passed.
    void release_retired();

    [[nodiscard]] const DesiredState& state() const { return state_; }

  private:
    [[nodiscard]] std::vector<datapath::ListenerEntry> listeners_of(const DesiredState& desired,
                                                                    const Numbering& numbering) const;
    [[nodiscard]] Result<void> prepare_counters(const Numbering& next) const;
    [[nodiscard]] std::map<std::string, ServiceTable> tables_of(const DesiredState& desired);
    void store_service(const DesiredService& service, const ServiceNumbers& numbers,
                       const NextHopOf& next_hop_of);
    void move_retired_backends(const ServiceNumbers& from, const ServiceNumbers& to);
    void retire(const Numbering& numbering);

    const datapath::Maps& maps_;
    Numbering numbering_;
    DesiredState state_;
    std::map<std::string, ServiceTable> tables_;
};

}  // namespace guideway::control
