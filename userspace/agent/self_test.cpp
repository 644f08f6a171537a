// SPDX-License-Identifier: Apache-2.0
#include "agent/self_test.hpp"

#include <fmt/ranges.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "datapath/test_run.hpp"
#include "maglev/flow_hash.hpp"

namespace guideway::agent {

namespace {
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kEthernet = abi::ETHERNET_HEADER;
constexpr std::size_t kIpv4 = abi::IPV4_HEADER;
constexpr std::size_t kIpv6 = abi::IPV6_HEADER;
constexpr std::size_t kIpv4Destination = 16;
constexpr std::size_t kIpv6Destination = 24;
/// For a listener on any port.
constexpr std::uint16_t kDiscardPort = 9;
/// How many flows are looked at for one that leads to a backend whose next hop is known.
constexpr std::uint16_t kFlowsTried = 64;

void put16(Bytes& bytes, std::size_t at, std::size_t value) {
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

maglev::Flow known_flow(const config::Listener& listener) {
    return {.source = *IpAddress::parse(listener.vip.is_v4() ? "0.0.0.0" : "::"),
            .destination = listener.vip,
            .source_port = 1,
            .destination_port = listener.port == 0 ? kDiscardPort : listener.port,
            .protocol = static_cast<std::uint8_t>(listener.protocol)};
}

/// A frame of the flow that carries nothing: of TCP one that starts no connection.
Bytes frame_of(const maglev::Flow& flow, const SelfTestPort& port) {
    constexpr std::size_t kTcp = 20, kUdp = 8;
    constexpr std::uint8_t kAck = 0x10;
    const bool v4 = flow.destination.is_v4();
    const bool tcp = flow.protocol == IPPROTO_TCP;
    const std::size_t transport = kEthernet + (v4 ? kIpv4 : kIpv6);
    Bytes frame(transport + (tcp ? kTcp : kUdp));
    std::ranges::copy(port.link_address.bytes, frame.begin());
    std::ranges::copy(port.self_test_source.bytes, frame.begin() + 6);
    put16(frame, 12, v4 ? 0x0800 : 0x86dd);
    auto* ip = frame.data() + kEthernet;
    ip[0] = v4 ? 0x45 : 0x60;
    put16(frame, kEthernet + (v4 ? 2 : 4), frame.size() - (v4 ? kEthernet : transport));
    ip[v4 ? 8 : 7] = 64;
    ip[v4 ? 9 : 6] = flow.protocol;
    std::memcpy(ip + (v4 ? kIpv4Destination : kIpv6Destination), flow.destination.wire(), v4 ? 4 : 16);
    put16(frame, transport, flow.source_port);
    put16(frame, transport + 2, flow.destination_port);
    if (tcp) {
        frame[transport + 12] = (kTcp / 4) << 4;
        frame[transport + 13] = kAck;
    } else {
        put16(frame, transport + 4, kUdp);
    }
    return frame;
}

/// How a frame with these headers begins behind Ethernet and VLAN tags.
std::size_t link_length(const abi::backend& backend) {
    if ((backend.flags & abi::BACKEND_VLAN) == 0)
        return kEthernet;
    return kEthernet + (backend.vlan[1] == 0 ? abi::VLAN_TAG : 2 * abi::VLAN_TAG);
}

/// Whether it is the inner packet in an outer one to the backend, sent to its next hop.
bool is_wrapped_for(const abi::backend& backend, const Bytes& frame, const Bytes& inner) {
    const auto address = abi::from_abi(backend.address);
    const bool v4 = address.is_v4();
    const std::size_t outer = link_length(backend);
    if (frame.size() < outer + (v4 ? kIpv4 : kIpv6) + inner.size() - kEthernet)
        return false;
    const auto* destination = frame.data() + outer + (v4 ? kIpv4Destination : kIpv6Destination);
    return std::memcmp(frame.data(), backend.next_hop_mac, sizeof(backend.next_hop_mac)) == 0 &&
           std::memcmp(destination, address.wire(), v4 ? 4 : 16) == 0 &&
           std::equal(inner.rbegin(), inner.rend() - kEthernet, frame.rbegin());
}

/// One service's part of it.
class ServiceTest {
  public:
    ServiceTest(const config::Config& config, const datapath::Maps& maps, const SelfTestPort& port)
        : config_(config), maps_(maps), port_(port) {}

    /// Why the service's packets are not forwarded; empty if they are, or if nothing can be told.
    [[nodiscard]] std::string run(const config::Service& service, std::uint16_t number) const {
        const auto slots = maps_.table(number);
        const bool served =
            std::ranges::any_of(slots, [](std::uint16_t slot) { return (slot & abi::SLOT_BACKEND) != 0; });
        if (service.listeners.empty() || !served)
            return {};
        auto flow = known_flow(service.listeners.front());
        for (; flow.source_port <= kFlowsTried; ++flow.source_port) {
            const auto* backend = backend_of(service, number, flow);
            if (backend != nullptr && (backend->flags & abi::BACKEND_NEXT_HOP) != 0)
                return run(flow, *backend);
        }
        return any_next_hop(number) ? "" : std::string(kNoNextHopAtAll);
    }

  private:
    [[nodiscard]] const abi::backend* backend_of(const config::Service& service, std::uint16_t number,
                                                 const maglev::Flow& flow) const {
        const bool by_client = service.affinity == config::Affinity::kClient;
        const auto hash = maglev::flow_hash(flow, config_.hash_key, by_client);
        const auto slots = maps_.table(number);
        if (slots.empty())
            return nullptr;
        const auto slot = slots[maglev::flow_slot(hash, static_cast<std::uint32_t>(slots.size()))];
        const std::uint32_t owner = slot & abi::SLOT_BACKEND;
        return owner == 0 ? nullptr : &maps_.backend(maps_.service(number).first_backend + owner);
    }

    /// Of the backends that own slots.
    [[nodiscard]] bool any_next_hop(std::uint16_t number) const {
        const auto first = maps_.service(number).first_backend;
        return std::ranges::any_of(maps_.table(number), [&](std::uint16_t slot) {
            const std::uint32_t owner = slot & abi::SLOT_BACKEND;
            return owner != 0 && (maps_.backend(first + owner).flags & abi::BACKEND_NEXT_HOP) != 0;
        });
    }

    [[nodiscard]] std::string run(const maglev::Flow& flow, const abi::backend& backend) const {
        const auto frame = frame_of(flow, port_);
        const auto run = datapath::test_run(port_.program_fd, frame, port_.interface);
        if (!run)
            return run.error().message;
        if ((backend.flags & abi::BACKEND_LOCAL) != 0 && run->action == XDP_PASS && run->frame == frame)
            return {};
        if (run->action != XDP_TX && run->action != XDP_REDIRECT)
            return fmt::format("the program does not forward a packet to {} port {} (XDP action {})",
                               flow.destination.text(), flow.destination_port, run->action);
        if (!is_wrapped_for(backend, run->frame, frame))
            return fmt::format("the program does not wrap a packet to {} port {} for {}",
                               flow.destination.text(), flow.destination_port,
                               abi::from_abi(backend.address).text());
        return {};
    }

    const config::Config& config_;
    const datapath::Maps& maps_;
    const SelfTestPort& port_;
};
}  // namespace

std::string self_test_of(const config::Config& config, const datapath::Maps& maps, const SelfTestPort& port,
                         const config::Service& service, std::uint16_t number) {
    return ServiceTest(config, maps, port).run(service, number);
}

SelfTestResult run_self_test(const config::Config& config, const datapath::Datapath& datapath,
                             const control::Numbering& numbering) {
    SelfTestResult health;
    const datapath::InterfaceState* attached = nullptr;
    for (const auto& interface : datapath.interfaces()) {
        if (interface.attached && attached == nullptr)
            attached = &interface;
        if (!interface.trouble.empty())
            health.degraded.push_back(interface.trouble);
    }
    if (!datapath.pin_trouble().empty())
        health.degraded.push_back(datapath.pin_trouble());
    if (attached == nullptr)
        return {.fault = fmt::format("{}", fmt::join(health.degraded, "; ")), .services = {}, .degraded = {}};
    const auto& program = datapath.program();
    const auto link_address = program.link_address(static_cast<int>(attached->index));
    if (!link_address)
        return health;
    const SelfTestPort port{program.fd(), attached->index, *link_address, program.self_test_source()};
    for (const auto& service : config.services) {
        const auto numbers = numbering.services.find(service.name);
        if (numbers == numbering.services.end())
            continue;
        if (auto fault = self_test_of(config, datapath.maps(), port, service, numbers->second.number);
            !fault.empty())
            health.services[service.name] = std::move(fault);
    }
    return health;
}

}  // namespace guideway::agent
