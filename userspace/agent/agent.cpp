// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.hpp"

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>

#include "datapath/privileges.hpp"

namespace guideway::agent {

namespace {
/// By then no packet carries a number that was in use before.
constexpr std::chrono::seconds kGracePeriod{2};

Result<ExclusiveLock> lock_runtime_dir(const std::string& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return fail("make runtime_dir {}: {}", directory, error.message());
    return ExclusiveLock::take(directory);
}

Result<void> check_interface(const std::string& interface) {
    if (if_nametoindex(interface.c_str()) == 0)
        return fail("attach to {}: no such interface; name one that `ip link` shows", interface);
    return {};
}
}  // namespace

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options) {
    if (auto allowed = datapath::check_privileges(); !allowed)
        return std::unexpected(allowed.error());
    if (auto present = check_interface(options.config.interfaces.front()); !present)
        return std::unexpected(present.error());
    auto lock = lock_runtime_dir(options.config.runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    auto datapath = datapath::Datapath::open(options.config);
    if (!datapath)
        return std::unexpected(datapath.error());
    if (!datapath->not_adopted_because().empty())
        spdlog::warn("not adopted: {}; new maps are filled, then take their place",
                     datapath->not_adopted_because());

    std::unique_ptr<Agent> agent(new Agent(std::move(options), std::move(*lock), std::move(*datapath)));
    for (auto step : {&Agent::follow_next_hops, &Agent::apply, &Agent::attach}) {
        if (auto done = (agent.get()->*step)(); !done)
            return std::unexpected(done.error());
    }
    return agent;
}

Agent::Agent(AgentOptions options, ExclusiveLock lock, datapath::Datapath datapath)
    : options_(std::move(options)),
      runtime_lock_(std::move(lock)),
      datapath_(std::move(datapath)),
      signals_(loop_, SIGTERM, SIGINT),
      grace_timer_(loop_),
      reconciler_(datapath_.maps()) {}

Result<void> Agent::run() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
        if (!error)
            loop_.stop();
    });
    sd_notify(0, "READY=1");
    loop_.run();
    sd_notify(0, "STOPPING=1");
    if (!options_.detach_on_exit) {
        spdlog::info("exit; {} goes on forwarding", options_.config.interfaces.front());
        return {};
    }
    spdlog::info("exit; {} is detached", options_.config.interfaces.front());
    return datapath_.remove();
}

Result<void> Agent::follow_next_hops() {
    auto created = net::NextHops::create(
        loop_, [this] { reconciler_.refresh_next_hops(std::bind_front(&Agent::next_hop_of, this)); });
    if (!created)
        return std::unexpected(created.error());
    next_hops_ = std::move(*created);
    return {};
}

Result<void> Agent::apply() {
    const auto desired = control::desired_state(options_.config);
    std::set<IpAddress> addresses;
    for (const auto& service : desired.services) {
        for (const auto& backend : service.backends)
            addresses.insert(backend.member.address);
    }
    next_hops_->follow(std::vector<IpAddress>(addresses.begin(), addresses.end()));
    auto applied = reconciler_.apply(desired, std::bind_front(&Agent::next_hop_of, this));
    if (applied)
        release_retired_later();
    return applied;
}

Result<void> Agent::attach() {
    const auto& interface = options_.config.interfaces.front();
    const auto attachment = datapath_.attach(interface, options_.config.datapath.mode);
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

std::optional<net::NextHop> Agent::next_hop_of(const control::DesiredBackend& backend) const {
    const auto& address = backend.member.address;
    const auto& resolution = next_hops_->at(address);
    std::optional<net::NextHop> next_hop;
    if (resolution) {
        next_hop = *resolution;
    } else if (const auto& path = next_hops_->path_at(address); backend.mac && path) {
        next_hop =
            net::NextHop{path->neighbour.ifindex, *backend.mac, path->source_mac, path->source, path->mtu};
    } else {
        return std::nullopt;
    }
    if (next_hop->ifindex != static_cast<int>(if_nametoindex(options_.config.interfaces.front().c_str())))
        return std::nullopt;
    if (backend.mac)
        next_hop->mac = *backend.mac;
    const auto& source = address.is_v4() ? options_.config.datapath.source : options_.config.datapath.source6;
    if (source)
        next_hop->source = *source;
    return next_hop;
}

void Agent::release_retired_later() {
    grace_timer_.expires_after(kGracePeriod);
    grace_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error)
            reconciler_.release_retired();
    });
}

}  // namespace guideway::agent
