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
/// A snapshot that is younger serves another request.
constexpr std::chrono::milliseconds kSnapshotAge{100};

Result<void> check_interfaces(const config::Config& config) {
    for (const auto& interface : config.interfaces) {
        if (auto present = datapath::check_interface(interface); !present)
            return present;
    }
    return {};
}

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
    if (auto present = check_interfaces(options.config); !present)
        return std::unexpected(present.error());
    auto lock = ExclusiveLock::make_and_take(options.config.runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    std::signal(SIGPIPE, SIG_IGN);
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

    std::unique_ptr<Agent> agent(new Agent(std::move(options), std::move(*lock), std::move(*datapath)));
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
    if (done)
        done = agent->start_announcing();
    if (!done)
        return std::unexpected(done.error());
    return agent;
}

Agent::Agent(AgentOptions options, ExclusiveLock lock, datapath::Datapath datapath)
    : options_(std::move(options)),
      runtime_lock_(std::move(lock)),
      datapath_(std::move(datapath)),
      signals_(loop_, SIGTERM, SIGINT, SIGHUP),
      turnstile_(loop_),
      computing_(loop_),
      adjusted_(loop_, boost::asio::steady_timer::time_point::max()),
      step_timer_(loop_),
      sweep_timer_(loop_),
      health_(
          loop_, conditions_, [this] { adjust(); }, [this] { remember_health_later(); },
          [this] { next_hops_->catch_up(); }),
      overrides_file_(options_.config.runtime_dir),
      health_file_(options_.config.runtime_dir),
      reconciler_(datapath_.maps(), datapath_.adopted() ? control::Past::kRecorded : control::Past::kNone),
      announcer_(loop_, options_.config.runtime_dir),
      reader_(datapath_.maps(), datapath_.pins(), &reconciler_.lives()) {
    about_.version = options_.version;
    about_.process = ::getpid();
    about_.started = api::Clock::now();
    about_.pins = datapath_.pins().directory();
    about_.config_file = std::filesystem::absolute(options_.config_file);
    about_.fingerprint = control::fingerprint(options_.config);
    about_.last_reload.at = about_.started;
}

Agent::~Agent() {
    ::unlink(api::control_socket(options_.config.runtime_dir).c_str());
}

Result<void> Agent::run() {
    wait_for_signal();
    sd_notify(0, "READY=1");
    loop_.run();
    pool_.join();
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
            spawn([](Agent* agent) -> asio::awaitable<void> { co_await agent->reload(); }(this));
        wait_for_signal();
    });
}

Result<void> Agent::watch_network() {
    auto next_hops = net::NextHops::create(loop_, [this] {
        reconciler_.refresh_next_hops(next_hops_for(options_.config));
        health_.set_next_hops(options_.config, *next_hops_);
    });
    if (!next_hops)
        return std::unexpected(next_hops.error());
    next_hops_ = std::move(*next_hops);
    auto links = net::LinkWatch::create(loop_, [this] { attach_again(); });
    if (!links)
        return std::unexpected(links.error());
    links_ = std::move(*links);
    return {};
}

Result<void> Agent::open_servers() {
    const auto socket = api::control_socket(options_.config.runtime_dir);
    auto control = api::HttpServer::listen(loop_, socket, api::control_routes(port()));
    if (!control)
        return std::unexpected(control.error());
    control_server_ = std::move(*control);
    if (auto http = change_http(options_.config); !http)
        return http;
    auto file = FileWatch::create(loop_, options_.config_file, [this] { spawn(reload_if_changed()); });
    if (!file)
        return std::unexpected(file.error());
    file_ = std::move(*file);
    return {};
}

Result<std::unique_ptr<api::HttpServer>> Agent::open_http(const config::Config& config) {
    if (!config.http)
        return nullptr;
    return api::HttpServer::listen(loop_, *config.http, api::public_routes(port()));
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
        reader_.table_changed(change.numbering.services.at(service.service->name).number,
                              std::move(service.facts));
    reconciler_.commit(std::move(change), next_hops_for(config), control::SteadyClock::now());
    const auto& running = options_.config;
    if (config.interfaces != running.interfaces || config.datapath != running.datapath)
        reconciler_.refresh_next_hops(next_hops_for(config));  // of services that did not change, too
    health_.set_next_hops(config, *next_hops_);
}

/// Lets packets come and go by the interfaces.
Result<void> Agent::connect(const config::Config& config) {
    if (auto connected = datapath_.connect(config.interfaces); !connected)
        return connected;
    const auto addresses = link_addresses_of(config.interfaces);
    return addresses ? datapath_.set_link_addresses(*addresses) : std::unexpected(addresses.error());
}

/// All or none: what was not attached before is left again when another fails.
Result<void> Agent::attach(const config::Config& config) {
    if (auto connected = connect(config); !connected)
        return connected;
    const auto before = datapath_.pins().linked_interfaces();
    for (const auto& interface : config.interfaces) {
        auto attached = attach(interface, config.datapath.mode);
        if (!attached) {
            static_cast<void>(datapath_.leave_all_but(before));
            return attached;
        }
    }
    return {};
}

Result<void> Agent::attach(const std::string& interface, config::Mode mode) {
    const auto attachment = datapath_.attach(interface, mode);
    if (!attachment)
        return std::unexpected(attachment.error());
    if (!attachment->fallback.empty())
        spdlog::warn("{}: its driver refuses native XDP ({}); attached in generic mode, which is slower",
                     interface, attachment->fallback);
    spdlog::info("{}: {} ({} XDP)", interface,
                 attachment->replaced ? "took over from an earlier agent" : "forwarding",
                 attachment->native ? "native" : "generic");
    return {};
}

/// An interface that vanished takes its link along; its successor gets a new one. MAC addresses change, too.
void Agent::attach_again() {
    const auto& config = options_.config;
    if (const auto connected = connect(config); !connected)
        spdlog::error("{}", connected.error().message);
    for (const auto& interface : config.interfaces) {
        if (if_nametoindex(interface.c_str()) == 0 || datapath::is_attached(datapath_.pins(), interface))
            continue;
        if (auto attached = attach(interface, config.datapath.mode); !attached)
            spdlog::error("{}", attached.error().message);
        snapshot_ = nullptr;
    }
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
    return
        [this, &config, interfaces = indexes_of(config.interfaces)](const control::DesiredBackend& backend) {
            const auto& address = backend.member.address;
            return choose_next_hop(config, interfaces, next_hops_->at(address), next_hops_->path_at(address),
                                   backend);
        };
}

api::AgentPort Agent::port() {
    return {
        .snapshot = [this] { return snapshot(); },
        .reload = [this] { return reload(); },
        .order =
            [this](api::Order order, std::string backend, std::optional<std::string> service) {
                return obey(order, std::move(backend), std::move(service));
            },
        .withdraw = [this](bool withdrawn) { return obey_withdraw(withdrawn); },
    };
}

Result<std::shared_ptr<const api::Snapshot>> Agent::snapshot() {
    const auto now = std::chrono::steady_clock::now();
    if (snapshot_ && now - snapshot_taken_ < kSnapshotAge)
        return snapshot_;
    auto read = reader_.read();
    if (!read)
        return std::unexpected(read.error());
    add_what_the_agent_knows(*read);
    snapshot_ = std::make_shared<const api::Snapshot>(std::move(*read));
    snapshot_taken_ = now;
    return snapshot_;
}

/// The kernel's entry tells availability and alive flag, not whose word they are.
void Agent::add_condition(api::BackendSnapshot& backend, const control::BackendId& id) const {
    const auto& overrides = conditions_.overrides();
    backend.by_hand = overrides.drained.contains(id) || overrides.disabled.contains(id);
    const auto state = conditions_.at(id, control::SteadyClock::now()).state;
    if (state == config::BackendState::kDrain)
        backend.standing = api::BackendStanding::kDrain;
    else if (state == config::BackendState::kDown)
        backend.standing = api::BackendStanding::kDown;
}

void Agent::add_what_the_agent_knows(api::Snapshot& snapshot) const {
    snapshot.agent = about_;
    health_.add_to(snapshot);
    snapshot.agent->fault = own_health_.fault;
    snapshot.agent->bgp = announcer_.snapshot();
    std::map<std::pair<std::string, IpAddress>, std::string> names;
    for (const auto& service : options_.config.services) {
        for (const auto& backend : service.backends)
            names[{service.name, backend.address}] = backend.name;
    }
    for (auto& service : snapshot.services) {
        if (const auto fault = own_health_.services.find(service.name); fault != own_health_.services.end())
            service.fault = fault->second;
        for (auto& backend : service.backends) {
            backend.name = names[{service.name, backend.address}];
            add_condition(backend, {service.name, backend.address});
            if (!backend.next_hop)
                backend.trouble = why_no_next_hop(options_.config, next_hops_->at(backend.address)).reason;
        }
    }
}

}  // namespace guideway::agent
