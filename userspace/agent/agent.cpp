// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.hpp"

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <map>

#include "agent/link_addresses.hpp"
#include "agent/next_hop_choice.hpp"
#include "api/control_client.hpp"
#include "control/fingerprint.hpp"
#include "datapath/privileges.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
/// What the adopted maps still hold of other services and backends may leave too little room for these.
Result<void> make_room(datapath::Datapath& datapath, const config::Config& config) {
    if (!datapath.adopted())
        return {};
    const auto numbered = control::renumber(control::read_numbering(datapath.maps()),
                                            control::desired_state(config), datapath.maps().geometry());
    return numbered ? Result<void>{} : datapath.start_afresh(config, numbered.error().message);
}

/// Of all backends that serve, whether they are configured or leaving.
std::vector<IpAddress> addresses_in(const control::Numbering& numbering) {
    std::vector<IpAddress> addresses;
    for (const auto& [name, service] : numbering.services) {
        for (const auto& backend : service.backends)
            addresses.push_back(backend.address);
    }
    std::ranges::sort(addresses);
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
    return addresses;
}
}  // namespace

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options) {
    if (auto allowed = datapath::check_privileges(); !allowed)
        return std::unexpected(allowed.error());
    auto lock = ExclusiveLock::make_and_take(options.config.runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    auto overrides_file = OverridesFile::open(options.config, *lock);
    if (!overrides_file)
        return std::unexpected(overrides_file.error());
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGIO, SIG_IGN);  // of leases (look_at_file)
    raise_descriptor_limit();
    auto datapath = datapath::Datapath::open(options.config);
    if (!datapath)
        return std::unexpected(datapath.error());
    if (auto room = make_room(*datapath, options.config); !room)
        return std::unexpected(room.error());
    if (!datapath->not_adopted_because().empty())
        spdlog::warn("not adopted: {}; new maps are filled, then take their place",
                     datapath->not_adopted_because());
    if (datapath->hash_key_changed())
        spdlog::warn(
            "the hash key is another than the one that this balancer placed flows by until now: nearly all "
            "of them "
            "go to other backends, and their connections break; every balancer needs the same key");

    std::unique_ptr<Agent> agent(
        new Agent(std::move(options), std::move(*lock), std::move(*overrides_file), std::move(*datapath)));
    const auto& config = agent->options_.config;
    auto done = agent->watch_network();
    if (done)
        done = agent->open_servers();
    const auto renames = agent->recall_conditions();
    if (done)
        done = agent->recall_health(renames);
    if (done)
        done = agent->apply(config);
    if (done)
        done = agent->attach(config);
    if (done)
        done = agent->datapath_.leave_all_but(config.interfaces);
    if (!done)
        return std::unexpected(done.error());
    agent->start_announcing();
    return agent;
}

Agent::Agent(AgentOptions options, ExclusiveLock lock, OverridesFile overrides_file,
             datapath::Datapath datapath)
    : options_(std::move(options)),
      runtime_lock_(std::move(lock)),
      datapath_(std::move(datapath)),
      signals_(loop_, SIGTERM, SIGINT, SIGHUP),
      turnstile_(loop_),
      ordering_(loop_),
      computing_(loop_),
      adjusted_(loop_, boost::asio::steady_timer::time_point::max()),
      step_timer_(loop_),
      sweep_timer_(loop_),
      health_(
          loop_, conditions_, [this] { adjust(); }, [this] { remember_health_later(); },
          [this] { next_hops_->catch_up(); }),
      overrides_file_(std::move(overrides_file)),
      health_file_(options_.config.runtime_dir),
      reconciler_(datapath_.maps(), datapath_.adopted() ? control::Past::kRecorded : control::Past::kNone),
      announcer_(loop_, options_.config.runtime_dir, [this] { announce(); }),
      backend_metrics_(options_.config.metrics.backends),
      status_(loop_, {.config = options_.config,
                      .generation = generation_,
                      .about = about_,
                      .datapath = datapath_,
                      .reconciler = reconciler_,
                      .conditions = conditions_,
                      .health = health_,
                      .own_health = own_health_,
                      .heartbeat = heartbeat_,
                      .announcer = announcer_,
                      .next_hops = next_hops_}),
      servers_(port()),
      snapshots_(loop_, servers_.threads(), datapath_.maps(), datapath_.pins(),
                 [this](api::Detail detail) { return status_.collect(detail); }) {
    about_.version = options_.version;
    about_.process = ::getpid();
    about_.started = api::Clock::now();
    about_.pins = datapath_.pins().directory();
    about_.config_file = std::filesystem::absolute(options_.config_file);
    about_.fingerprint = control::fingerprint(options_.config);
    about_.last_reload.at = about_.started;
}

/// No thread runs any more when coroutines are destroyed, and all that they refer to still exists. Those of
/// the servers wait for the loop's, not the other way round.
Agent::~Agent() {
    servers_.stop();
    pool_.join();
    files_.stop();
    files_.join();
    loop_.discard();
    pool_.discard();
    files_.discard();
    servers_.discard();
    ::unlink(api::control_socket(options_.config.runtime_dir).c_str());
}

Result<void> Agent::run() {
    wait_for_signal();
    spawn(heartbeat_.keep_beating(loop_));
    spawn(keep_directories());
    servers_.start();
    sd_notify(0, "READY=1");
    loop_.run();
    pool_.join();
    announcer_.end();
    sd_notify(0, "STOPPING=1");
    health_.end();
    if (auto written = health_file_.write(health_.known()); !written)
        spdlog::error("{}", written.error().message);
    for (const auto& interface : options_.config.interfaces) {
        if (options_.detach_on_exit)
            spdlog::info("exit; {} is detached", interface);
        else if (datapath::is_attached(datapath_.pins(), interface))
            spdlog::info("exit; {} goes on forwarding", interface);
    }
    if (!options_.detach_on_exit)
        return {};
    return datapath_.remove();
}

void Agent::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error)
            return;
        if (signal != SIGHUP && std::exchange(leaving_, true))
            return loop_.stop();
        if (signal != SIGHUP)
            spawn(leave());
        else
            spawn([](Agent* agent) -> asio::awaitable<void> {
                co_await agent->reload(api::Insistence::kAsked);
            }(this));
        wait_for_signal();
    });
}

Result<void> Agent::watch_network() {
    auto next_hops = net::NextHops::create(loop_, [this] {
        reconciler_.refresh_next_hops(next_hops_for(options_.config));
        health_.set_next_hops(options_.config, interface_indexes(options_.config), *next_hops_);
    });
    if (!next_hops)
        return std::unexpected(next_hops.error());
    next_hops_ = std::move(*next_hops);
    auto links = net::LinkWatch::create(loop_, [this] { repair_datapath(); });
    if (!links)
        return std::unexpected(links.error());
    links_ = std::move(*links);
    return {};
}

Result<void> Agent::open_servers() {
    const auto& config = options_.config;
    if (auto opened = servers_.open(api::control_socket(config.runtime_dir), config.http); !opened)
        return opened;
    auto file = FileWatch::create(loop_, files_, options_.config_file, options_.read_state,
                                  [this] { spawn(reload_if_changed()); });
    if (!file)
        return std::unexpected(file.error());
    file_ = std::move(*file);
    return {};
}

Result<void> Agent::apply(const config::Config& config) {
    auto change = reconciler_.prepare(desired_state(config, conditions_, control::SteadyClock::now()));
    if (!change)
        return std::unexpected(change.error());
    commit(config, std::move(*change));
    adjust();
    return {};
}

void Agent::commit(const config::Config& config, control::Change change) {
    next_hops_->follow(addresses_in(change.numbering));
    for (auto& service : change.services)
        snapshots_.table_changed(change.numbering.services.at(service.service->name).number,
                                 std::move(service.facts));
    reconciler_.commit(std::move(change), next_hops_for(config), control::SteadyClock::now());
    const auto& running = options_.config;
    if (config.interfaces != running.interfaces || config.datapath != running.datapath)
        reconciler_.refresh_next_hops(next_hops_for(config));  // of services that did not change, too
    health_.set_next_hops(config, interface_indexes(config), *next_hops_);
}

/// Whose frames this host takes, as the kernel has its MAC addresses now.
Result<void> Agent::learn_link_addresses(const config::Config& config) {
    const auto addresses = link_addresses_of(interface_indexes(config));
    return addresses ? datapath_.set_link_addresses(*addresses) : std::unexpected(addresses.error());
}

/// All or none.
Result<void> Agent::attach(const config::Config& config) {
    if (auto learnt = learn_link_addresses(config); !learnt)
        return learnt;
    const auto attached = datapath_.attach(config.interfaces, config.datapath.mode);
    if (!attached)
        return std::unexpected(attached.error());
    for (const auto& each : *attached) {
        if (!each.fallback.empty())
            spdlog::warn("{}: its driver refuses native XDP ({}); attached in generic mode, which is slower",
                         each.interface, each.fallback);
        spdlog::info("{}: {} ({} XDP)", each.interface,
                     each.replaced ? "took over from an earlier agent" : "forwarding",
                     each.native ? "native" : "generic");
    }
    for (const auto& interface : datapath_.interfaces()) {
        if (!interface.attached)
            spdlog::warn("{}; it is used as soon as it is there", interface.trouble);
    }
    return {};
}

/// Brings back what somebody, or an interface that vanished, took away from the kernel.
void Agent::repair_datapath() {
    const auto learnt = learn_link_addresses(options_.config);
    auto trouble = learnt ? std::string() : learnt.error().message;
    if (!trouble.empty() && trouble != address_trouble_)
        spdlog::error("{}", trouble);
    address_trouble_ = std::move(trouble);
    const auto before = datapath_.interfaces();
    for (const auto& repair : datapath_.repair())
        spdlog::log(repair.done ? spdlog::level::warn : spdlog::level::err, "{}", repair.text);
    if (datapath_.interfaces() == before)
        return;
    snapshots_.outdated();
    reconciler_.refresh_next_hops(next_hops_for(options_.config));
    health_.set_next_hops(options_.config, interface_indexes(options_.config), *next_hops_);
}

std::vector<int> Agent::interface_indexes(const config::Config& config) const {
    const auto indexes = datapath_.indexes_of(config.interfaces);
    return {indexes.begin(), indexes.end()};
}

void Agent::spawn(asio::awaitable<void> task) {
    asio::co_spawn(loop_, std::move(task), [](const std::exception_ptr& error) {
        try {
            if (error)
                std::rethrow_exception(error);
        } catch (const std::exception& caught) {
            spdlog::error("{}", caught.what());
        }
    });
}

control::NextHopOf Agent::next_hops_for(const config::Config& config) const {
    return [this, &config, interfaces = interface_indexes(config)](const control::DesiredBackend& backend) {
        const auto& address = backend.member.address;
        return choose_next_hop(config, interfaces, next_hops_->at(address), next_hops_->path_at(address),
                               backend);
    };
}

/// Called on the servers' thread.
api::AgentPort Agent::port() {
    const auto on_loop = [this](auto work) {
        return asio::co_spawn(loop_, std::move(work), asio::use_awaitable);
    };
    return {
        .stalled = [this] { return heartbeat_.stalled(); },
        .readiness =
            [this, on_loop] {
                return on_loop([](Agent* agent) -> asio::awaitable<api::Readiness> {
                    co_return agent->status_.readiness();
                }(this));
            },
        .snapshot = [this](api::Detail detail) { return snapshots_.current(detail); },
        .metrics_detail =
            [this] { return backend_metrics_ ? api::Detail::kBackends : api::Detail::kServices; },
        .reload = [this, on_loop](api::Insistence insistence) { return on_loop(reload(insistence)); },
        .order =
            [this, on_loop](api::Order order, std::string backend, std::optional<std::string> service,
                            api::Insistence insistence) {
                return on_loop(obey(order, std::move(backend), std::move(service), insistence));
            },
        .withdraw = [this, on_loop](bool withdrawn) { return on_loop(obey_withdraw(withdrawn)); },
        .detach =
            [this, on_loop] {
                return on_loop([](Agent* agent) -> asio::awaitable<void> {
                    agent->options_.detach_on_exit = true;
                    if (!std::exchange(agent->leaving_, true))
                        agent->spawn(agent->leave_and_detach());
                    co_return;
                }(this));
            },
    };
}

}  // namespace guideway::agent
