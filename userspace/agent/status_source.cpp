// SPDX-License-Identifier: Apache-2.0
#include "agent/status_source.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <utility>

#include "agent/next_hop_choice.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

/// Tells when it is others' turn on the loop.
class StatusSource::Slice {
  public:
    [[nodiscard]] bool is_over() const { return Clock::now() - begun_ > kAtMost; }
    void begin() { begun_ = Clock::now(); }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kAtMost{1};
    Clock::time_point begun_ = Clock::now();
};

api::AgentSnapshot about_agent(std::string version, const std::string& config_file,
                               const datapath::Datapath& datapath) {
    api::AgentSnapshot about;
    about.version = std::move(version);
    about.host = asio::ip::host_name();
    about.process = ::getpid();
    about.started = api::Clock::now();
    about.pins = datapath.pins().directory();
    about.config_file = std::filesystem::absolute(config_file);
    return about;
}

asio::awaitable<api::AgentKnowledge> StatusSource::collect(api::Detail detail) const {
    api::AgentKnowledge knowledge;
    do {
        knowledge.services.clear();
    } while (!co_await collect_services(detail, knowledge));
    knowledge.agent = parts_.about;
    knowledge.agent.fingerprint = parts_.running.fingerprint;
    knowledge.agent.reloads = parts_.reloads;
    knowledge.agent.loop_late = parts_.heartbeat.take_latest();
    knowledge.agent.fault = parts_.self_test.fault;
    knowledge.agent.degraded = parts_.self_test.degraded;
    knowledge.agent.bgp = parts_.announcer.snapshot();
    for (const auto& interface : parts_.datapath.interfaces())
        knowledge.interfaces.push_back({interface.name, interface.attached, interface.device, {}});
    for (const auto& interface : parts_.datapath.interfaces()) {
        if (interface.attached && interface.device != interface.name)
            knowledge.agent.renamed[interface.name] = interface.device;
    }
    knowledge.probes = parts_.health.counts();
    knowledge.flows = parts_.reconciler.lives().shared_flow_counts();
    co_return knowledge;
}

asio::awaitable<api::AgentKnowledge> StatusSource::collect_service(std::string name) const {
    api::AgentKnowledge knowledge;
    do {
        knowledge.services.clear();
    } while (!co_await collect_services(api::Detail::kBackends, knowledge, name));
    knowledge.flows = parts_.reconciler.lives().shared_flow_counts();
    co_return knowledge;
}

/// False if the configuration has changed meanwhile.
asio::awaitable<bool> StatusSource::collect_services(api::Detail detail, api::AgentKnowledge& knowledge,
                                                     std::optional<std::string> only) const {
    Slice slice;
    const auto generation = parts_.running.generation;
    for (const auto& service : parts_.running.config.services) {
        if (only && service.name != *only)
            continue;
        auto& known = knowledge.services.emplace_back();
        known.name = service.name;
        known.health = parts_.health.facts(service.name);
        if (const auto fault = parts_.self_test.services.find(service.name);
            fault != parts_.self_test.services.end())
            known.fault = fault->second;
        const auto* numbers = numbers_of(service.name);
        if (const auto* life = numbers != nullptr ? parts_.reconciler.lives().find(numbers->number) : nullptr;
            life != nullptr && life->names_former_owners()) {
            const auto& counts = life->history().counts();
            known.slots_by_hops.assign(counts.slots.begin() + 1, counts.slots.end());
            known.hops_left_out = counts.left_out;
        }
        for (const auto& backend : service.backends) {
            if (detail == api::Detail::kBackends)
                known.backends.push_back(this->known(service, backend, numbers));
            if (!slice.is_over())
                continue;
            co_await asio::post(parts_.loop, asio::use_awaitable);
            if (generation != parts_.running.generation)
                co_return false;
            numbers = numbers_of(service.name);
            slice.begin();
        }
    }
    co_return true;
}

/// The kernel's entry tells availability and alive flag, not whose word they are.
api::KnownBackend StatusSource::known(const config::Service& service, const config::Backend& backend,
                                      const control::ServiceNumbers* numbers) const {
    const control::BackendId id{service.name, backend.address};
    const auto& overrides = parts_.conditions.overrides();
    api::KnownBackend known;
    known.address = backend.address;
    known.name = backend.name;
    known.by_hand = overrides.drained.contains(id) || overrides.disabled.contains(id);
    known.health = parts_.health.facts(id);
    const auto condition = parts_.conditions.at(id, control::SteadyClock::now());
    const bool drained = parts_.conditions.ordered_state(id) == config::BackendState::kDrain;
    const auto state = drained && condition.alive ? config::BackendState::kDrain : condition.state;
    if (state == config::BackendState::kDrain)
        known.activity = api::BackendActivity::kDrain;
    else if (state == config::BackendState::kDown)
        known.activity = api::BackendActivity::kDown;
    if (!has_next_hop(numbers, backend.address))
        known.trouble =
            why_no_next_hop(parts_.running.config, parts_.next_hops.known().at(backend.address)).reason;
    return known;
}

const control::ServiceNumbers* StatusSource::numbers_of(const std::string& service) const {
    const auto& services = parts_.reconciler.numbering().services;
    const auto numbers = services.find(service);
    return numbers == services.end() ? nullptr : &numbers->second;
}

bool StatusSource::has_next_hop(const control::ServiceNumbers* numbers, const IpAddress& backend) const {
    const auto* number = numbers == nullptr ? nullptr : numbers->find(backend);
    if (number == nullptr)
        return false;
    const auto& entry = parts_.datapath.maps().backend(numbers->region.first + number->number);
    return (entry.flags & abi::BACKEND_NEXT_HOP) != 0;
}

asio::awaitable<api::Readiness> StatusSource::readiness() const {
    const auto& interfaces = parts_.datapath.interfaces();
    if (std::ranges::none_of(interfaces, &datapath::InterfaceState::attached))
        co_return api::Readiness{
            .not_because = fmt::format("not attached to {}", parts_.running.config.interfaces.front()),
            .degraded = {}};
    const auto& self_test = parts_.self_test;
    if (!self_test.fault.empty())
        co_return api::Readiness{.not_because = self_test.fault, .degraded = {}};
    for (const auto& service : parts_.running.config.services) {
        const auto* numbers = numbers_of(service.name);
        const auto reachable = [&](const config::Backend& backend) {
            return has_next_hop(numbers, backend.address);
        };
        if (!service.backends.empty() && std::ranges::none_of(service.backends, reachable))
            co_return api::Readiness{
                .not_because = fmt::format("no backend of service '{}' has a next hop", service.name),
                .degraded = {}};
        if (const auto fault = self_test.services.find(service.name); fault != self_test.services.end())
            co_return api::Readiness{
                .not_because = fmt::format("service '{}': {}", service.name, fault->second), .degraded = {}};
    }
    if (const auto bgp = parts_.announcer.snapshot()) {
        if (auto unheard = bgp::why_unheard(bgp->speaker); !unheard.empty())
            co_return api::Readiness{.not_because = std::move(unheard), .degraded = {}};
    }
    auto degraded = self_test.degraded;
    for (const auto& service : parts_.running.config.services) {
        if (const auto health = parts_.health.facts(service.name); health && health->blind)
            degraded.push_back(fmt::format(
                "service '{}': none of its backends can be probed from here; what was known of them holds",
                service.name));
    }
    co_return api::Readiness{.not_because = {}, .degraded = std::move(degraded)};
}

}  // namespace guideway::agent
