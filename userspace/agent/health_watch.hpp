// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "agent/event_log.hpp"
#include "agent/health_file.hpp"
#include "api/snapshot.hpp"
#include "config/model.hpp"
#include "control/conditions.hpp"
#include "health/monitor.hpp"
#include "net/next_hops.hpp"

namespace guideway::agent {

/// Has the backends probed, and the conditions know who failed. Lives on the loop's thread; the loop, the
/// conditions, the events and the next hops outlive it.
class HealthWatch {
  public:
    /// `on_change` is called from the loop, once for all who came to serve or ceased to in a turn of it, or
    /// died; `on_judged` when what is known() has changed. `catch_up` has set_next_hops() called if the
    /// kernel has announced something that is not known there yet.
    HealthWatch(boost::asio::io_context& loop, control::Conditions& conditions, EventLog& events,
                std::function<void()> on_change, std::function<void()> on_judged,
                std::function<void()> catch_up);

    /// What is known of a backend that was not probed before.
    using Recall = std::function<health::LastKnown(const control::BackendId&)>;

    /// Replaces what is probed, and brings the conditions of all that is in line; `on_change` is not called.
    /// What is known of services that are renamed goes on. Errors leave all as it was.
    [[nodiscard]] Result<void> follow(const config::Config& config, const Recall& recall,
                                      const control::Renames& renames = {});

    /// Backends that are probed no longer, and are still configured, serve.
    void release_unprobed();

    /// Ends the probes that are under way, and waits a moment for late answers; the loop runs no more.
    void end();

    /// As the kernel has them now, of a configuration whose backends all are followed there.
    /// `interfaces`: the indexes of those that packets leave by.
    void set_next_hops(const config::Config& config, const std::vector<int>& interfaces,
                       const net::NextHops& next_hops);

    /// Whether flows of a service cannot be recorded now.
    void set_records_refused(const std::function<bool(const std::string& service)>& refused);

    /// What was said of these by hand has changed.
    void heed_orders(const config::Config& config, std::span<const control::BackendId> backends);

    /// Whether every backend of the service was judged once; true if they are not probed.
    [[nodiscard]] bool warmed_up(const std::string& service) const;

    /// Whether it was judged so, although in panic it serves; false if it is not probed.
    [[nodiscard]] bool is_down(const control::BackendId& backend) const;

    /// Of all that are probed, for who judges them next.
    [[nodiscard]] Knowledge known() const;

    /// Nothing if it is not probed.
    [[nodiscard]] std::optional<health::BackendFacts> facts(const control::BackendId& backend) const;

    [[nodiscard]] std::optional<health::ServiceFacts> facts(const std::string& service) const;
    /// Of all probes; nothing if there are none.
    [[nodiscard]] std::optional<health::ProberCounts> counts() const;

  private:
    void begin_probing(const config::Config& config);
    [[nodiscard]] bool is_taken_out(const control::BackendId& backend) const;
    void take(const control::BackendId& backend);
    void change_later();

    boost::asio::io_context& loop_;
    control::Conditions& conditions_;
    EventLog& events_;
    std::function<void()> on_change_;
    std::function<void()> on_judged_;
    std::function<void()> catch_up_;
    boost::asio::steady_timer change_timer_;
    bool change_is_due_ = false;
    std::unique_ptr<health::Monitor> monitor_;  ///< none until something is to be probed
    std::vector<health::ServiceTargets> targets_;
};

/// Probes need a descriptor each: as many as the hard limit allows.
void raise_descriptor_limit();

}  // namespace guideway::agent
