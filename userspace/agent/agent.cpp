// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.hpp"

#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <csignal>

#include "agent/port.hpp"
#include "agent/recall.hpp"
#include "api/control_client.hpp"

namespace guideway::agent {

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGIO, SIG_IGN);  // of leases (look_at_file)
    raise_descriptor_limit();
    auto holdings = take_hold(options.config);
    if (!holdings)
        return std::unexpected(holdings.error());
    const auto version = options.version;
    std::unique_ptr<Agent> agent(new Agent(std::move(options), std::move(holdings.value())));
    if (auto begun = agent->begin(version); !begun)
        return std::unexpected(begun.error());
    return agent;
}

Agent::Agent(AgentOptions options, Holdings holdings)
    : running_(std::move(options.config)),
      datapath_(std::move(holdings.datapath)),
      reconciler_(datapath_.maps(),
                  datapath_.adopted() ? control::EarlierFlows::kRecorded : control::EarlierFlows::kUnknown),
      changes_(executors_.loop),
      orders_(executors_.loop),
      events_(executors_, running_, servers_.threads().talking, holdings.overrides.directory()),
      snapshots_(executors_.loop, servers_.threads(), datapath_.maps(), datapath_.pins(),
                 {.all = [this](api::Detail detail) { return status_.collect(detail); },
                  .service = [this](std::string name) { return status_.collect_service(std::move(name)); }}),
      health_(
          executors_.loop, conditions_, events_, [this] { adjusting_.adjust(); },
          [this] { remembering_.remember_health_soon(); }, [this] { next_hops_.catch_up(); }),
      next_hops_(running_, datapath_, reconciler_, health_),
      attaching_(running_, datapath_, next_hops_, snapshots_),
      adjusting_(executors_, running_, conditions_, reconciler_, next_hops_, snapshots_,
                 [this] {
                     announcing_.announce();
                     sweeping_.begin_if_needed();
                 }),
      sweeping_(executors_, changes_, reconciler_, datapath_.maps(), health_,
                [this] { announcing_.announce(); }),
      exchanging_(executors_, running_, reconciler_, datapath_.maps(),
                  [this] { sweeping_.begin_if_needed(); }),
      slot_watch_(reconciler_, events_),
      self_testing_(executors_, running_, datapath_, reconciler_, attaching_, adjusting_, sweeping_, events_,
                    snapshots_,
                    [this] {
                        announcing_.watch_links();
                        announcing_.announce();
                        slot_watch_.look();
                    }),
      announcing_(executors_, running_, conditions_, health_, reconciler_, datapath_, self_testing_.result(),
                  events_),
      remembering_(executors_, orders_, running_, std::move(holdings.runtime_lock),
                   std::move(holdings.overrides), conditions_, health_, servers_),
      obeying_(executors_, orders_, running_, conditions_, health_, remembering_, adjusting_, announcing_,
               events_, snapshots_),
      change_over_({executors_, running_, datapath_, reconciler_, conditions_, health_, next_hops_,
                    attaching_, adjusting_, sweeping_, announcing_, remembering_, servers_, snapshots_}),
      reloading_(executors_, changes_, std::move(options.source), running_, change_over_, adjusting_, events_,
                 snapshots_),
      leaving_(executors_, announcing_, reconciler_, datapath_.maps(), events_, options.detach_on_exit),
      status_({executors_.loop, running_, about_agent(options.version, reloading_.file(), datapath_),
               datapath_, reconciler_, conditions_, health_, next_hops_, self_testing_.result(),
               announcing_.announcer(), reloading_.history(), heartbeat_}) {}

Result<void> Agent::begin(const std::string& version) {
    const auto& config = running_.config;
    const auto& maps = datapath_.maps();
    events_.note({.kind = api::EventKind::kStarted, .reason = version});
    if (auto done = next_hops_.begin(executors_.loop); !done)
        return done;
    if (auto done = attaching_.watch_links(executors_.loop); !done)
        return done;
    const auto port = port_of({executors_.loop, running_, heartbeat_, status_, snapshots_, reloading_,
                               obeying_, exchanging_, leaving_, events_});
    if (auto done = servers_.open({api::control_routes(port), api::public_routes(port)},
                                  api::control_socket(config.runtime_dir), config.control_group, config.http);
        !done)
        return done;
    if (auto done = reloading_.watch_file(); !done)
        return done;
    const auto renames =
        recall_conditions(config, maps, remembering_.overrides_file(), reconciler_, conditions_);
    if (auto done = recall_health(config, maps, remembering_.health_file(), reconciler_, renames, conditions_,
                                  health_);
        !done)
        return done;
    exchanging_.ask_first();
    if (auto done = change_over_.begin(); !done)
        return done;
    exchanging_.begin(renames);
    if (auto done = attaching_.attach(config); !done)
        return done;
    if (auto done = datapath_.leave_all_but(config.interfaces); !done)
        return done;
    self_testing_.test();
    announcing_.configure(config);
    announcing_.announce();
    return {};
}

Result<void> Agent::run() {
    leaving_.wait_for_signal([this] {
        spawn(executors_.loop, reloading_.reload(api::Insistence::kAsked, {.uid = {}, .cause = "SIGHUP"}));
    });
    spawn(executors_.loop, heartbeat_.keep_beating(executors_.loop));
    spawn(executors_.loop, self_testing_.keep_testing());
    spawn(executors_.loop, remembering_.keep_repairing());
    spawn(executors_.loop, exchanging_.keep_exchanging());
    servers_.start();
    ::sd_notify(0, "READY=1");
    executors_.loop.run();
    return end();
}

Result<void> Agent::end() {
    ::sd_notify(0, "STOPPING=1");
    executors_.computing.join();
    announcing_.announcer().end();
    health_.end();
    remembering_.remember_health();
    slot_watch_.look();
    events_.note(
        {.kind = api::EventKind::kStopped,
         .reason = leaving_.detaches() ? "nothing is forwarded here any more" : "forwarding goes on"});
    executors_.files.stop();
    executors_.files.join();
    exchanging_.end();
    events_.end();
    for (const auto& interface : running_.config.interfaces) {
        if (leaving_.detaches())
            spdlog::info("exit; {} is detached", interface);
        else if (datapath::is_attached(datapath_.pins(), interface))
            spdlog::info("exit; {} goes on forwarding", interface);
    }
    return leaving_.detaches() ? datapath_.remove() : Result<void>{};
}

/// No thread runs any more when coroutines are destroyed, and all that they refer to still exists. Those of
/// the servers wait for the loop's, not the other way round.
Agent::~Agent() {
    servers_.stop();
    executors_.computing.join();
    executors_.files.stop();
    executors_.files.join();
    exchanging_.stop();
    executors_.loop.discard();
    executors_.computing.discard();
    executors_.files.discard();
    exchanging_.discard();
    servers_.discard();
    ::unlink(api::control_socket(running_.config.runtime_dir).c_str());
}

}  // namespace guideway::agent
