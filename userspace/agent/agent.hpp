// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/announcer.hpp"
#include "agent/complaint.hpp"
#include "agent/coroutines.hpp"
#include "agent/file_watch.hpp"
#include "agent/health_file.hpp"
#include "agent/health_watch.hpp"
#include "agent/heartbeat.hpp"
#include "agent/overrides_file.hpp"
#include "agent/own_health.hpp"
#include "agent/servers.hpp"
#include "agent/snapshots.hpp"
#include "agent/status_source.hpp"
#include "config/model.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"
#include "net/link_watch.hpp"
#include "net/next_hops.hpp"
#include "util/exclusive_lock.hpp"

namespace guideway::agent {

/// A configuration, or what is wrong with it, a line each.
using LoadedConfig = std::expected<config::Config, std::vector<std::string>>;

struct AgentOptions {
    config::Config config;
    std::string config_file;
    FileState read_state;                ///< of the file when it was read
    std::function<LoadedConfig()> load;  ///< reads the file again
    std::string version;
    bool detach_on_exit = false;
};

/// The balancer's process: wires configuration, next hops, servers and the kernel together. What it made in
/// the kernel goes on when it ends, however it ends.
class Agent {
  public:
    /// Everything up to forwarding. Errors leave what forwarded before as it was.
    [[nodiscard]] static Result<std::unique_ptr<Agent>> start(AgentOptions options);

    /// Takes the control socket away.
    ~Agent();

    /// Until SIGTERM or SIGINT, and the routers have moved away; a second one ends it at once.
    [[nodiscard]] Result<void> run();

  private:
    Agent(AgentOptions options, ExclusiveLock lock, OverridesFile overrides_file,
          datapath::Datapath datapath);

    [[nodiscard]] Result<void> watch_network();
    [[nodiscard]] control::Renames recall_conditions();
    [[nodiscard]] Result<void> recall_health(const control::Renames& renames);
    [[nodiscard]] const abi::backend* entry_in_kernel(const control::BackendId& backend) const;
    void remember_health_later();
    [[nodiscard]] boost::asio::awaitable<void> remember_health();
    [[nodiscard]] Result<void> apply(const config::Config& config);
    [[nodiscard]] Result<void> learn_link_addresses(const config::Config& config);
    [[nodiscard]] Result<void> attach(const config::Config& config);
    void repair_datapath();
    [[nodiscard]] std::vector<int> interface_indexes(const config::Config& config) const;
    [[nodiscard]] Result<void> open_servers();

    /// What was wrong, a line each; one reload at a time.
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> reload(api::Insistence insistence);
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> reload_to(const LoadedConfig& loaded,
                                                                             api::Insistence insistence);
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> change_over(const config::Config& next,
                                                                               api::Insistence insistence);
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> go_over(const config::Config& next,
                                                                           control::Overrides overrides,
                                                                           api::Insistence insistence);
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> doubts_about(
        const config::Config& next, const control::DesiredState& desired);
    [[nodiscard]] std::vector<std::string> lost_ways(const config::Config& next) const;
    [[nodiscard]] boost::asio::awaitable<std::string> make_ready(const config::Config& next);
    [[nodiscard]] boost::asio::awaitable<bool> remove_first(const control::DesiredState& desired);
    [[nodiscard]] boost::asio::awaitable<void> go_back();
    void probe_as_before(const Knowledge& known, const control::Renames& renames);
    [[nodiscard]] control::Renames renames_to(const config::Config& next) const;
    [[nodiscard]] control::Overrides inherited(const control::Renames& heirs) const;
    void rename_services(const control::Renames& renames);
    [[nodiscard]] boost::asio::awaitable<void> write_overrides();
    void commit(const config::Config& config, control::Change change);
    [[nodiscard]] boost::asio::awaitable<void> reload_if_changed();
    void spawn(boost::asio::awaitable<void> task);
    void wait_for_signal();

    /// upkeep.cpp: what goes on between reloads.
    [[nodiscard]] boost::asio::awaitable<Result<void>> obey(api::Order order, std::string backend,
                                                            std::optional<std::string> service,
                                                            api::Insistence insistence);
    void adjust();
    [[nodiscard]] boost::asio::awaitable<void> adjust_beside();
    /// Until what this returns is destroyed, the reconciler is the caller's, but for sweeps and next hops.
    [[nodiscard]] boost::asio::awaitable<std::shared_ptr<void>> compute();
    void step_later();
    void sweep_later();
    void note_refused_records();
    [[nodiscard]] boost::asio::awaitable<void> keep_sweeping();
    [[nodiscard]] boost::asio::awaitable<Result<void>> sweep();

    /// announcing.cpp: what the routers are told.
    void start_announcing();
    void configure_announcer(const config::Config& config);
    [[nodiscard]] std::vector<std::string> links_to_watch() const;
    void announce();
    [[nodiscard]] bgp::ServiceFacts announcing_facts(const config::Service& service) const;
    void count_backends(const config::Service& service, bgp::ServiceFacts& facts) const;
    void look_for_drains(const config::Service& service, bgp::ServiceFacts& facts) const;
    [[nodiscard]] boost::asio::awaitable<void> keep_proving();
    void log_own_health(const OwnHealth& before) const;
    [[nodiscard]] boost::asio::awaitable<Result<void>> obey_withdraw(bool withdrawn);
    [[nodiscard]] boost::asio::awaitable<void> leave();
    [[nodiscard]] boost::asio::awaitable<void> leave_and_detach();
    [[nodiscard]] boost::asio::awaitable<void> until_quiet();

    [[nodiscard]] control::NextHopOf next_hops_for(const config::Config& config) const;
    [[nodiscard]] api::AgentPort port();
    [[nodiscard]] boost::asio::awaitable<void> keep_directories();
    void note_refused_flows();
    [[nodiscard]] boost::asio::awaitable<Result<bool>> repair_runtime_dir();

    AgentOptions options_;
    ExclusiveLock runtime_lock_;
    datapath::Datapath datapath_;
    Loop loop_{1};
    boost::asio::signal_set signals_;
    Heartbeat heartbeat_;
    Turnstile turnstile_;                 ///< for reloads and sweeps: one at a time
    Turnstile ordering_;                  ///< serializes operators' orders
    Turnstile computing_;                 ///< for what computes with the reconciler's state beside the loop
    bool is_computing_ = false;           ///< something does, or is about to
    boost::asio::steady_timer adjusted_;  ///< never rings; cancelled when the kernel follows all conditions
    boost::asio::steady_timer step_timer_;
    boost::asio::steady_timer sweep_timer_;
    bool sweeping_ = false;
    bool changing_names_ = false;  ///< what is known goes by the next configuration's names already
    std::string address_trouble_;  ///< why this host's MAC addresses may be others than the datapath knows
    std::string flow_trouble_;     ///< why some flows are not recorded; empty: all are that should be
    Pool pool_{1};                 ///< for what would keep the loop from its work
    Pool files_{1};                ///< for what a file system may hold up
    std::unique_ptr<net::NextHops> next_hops_;
    std::unique_ptr<net::LinkWatch> links_;
    std::unique_ptr<FileWatch> file_;
    control::Conditions conditions_;
    HealthWatch health_;
    OverridesFile overrides_file_;
    HealthFile health_file_;
    Complaint disk_trouble_, state_trouble_;
    bool remembering_ = false;
    control::Reconciler reconciler_;
    OwnHealth own_health_;
    control::TimePoint started_;
    Announcer announcer_;
    bool leaving_ = false;
    std::uint64_t generation_ = 0;  ///< of options_.config
    api::AgentSnapshot about_;
    std::atomic<bool> backend_metrics_ = true;
    StatusSource status_;
    Servers servers_;
    Snapshots snapshots_;
};

}  // namespace guideway::agent
