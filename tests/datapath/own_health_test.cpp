// SPDX-License-Identifier: Apache-2.0
#include "agent/own_health.hpp"

#include <algorithm>

#include "balancer.hpp"
#include "datapath/counters.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
constexpr const char* kServices =
    "  - {name: web, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:80/tcp', '192.0.2.10:53/udp'], "
    "tracking: always, backends: [10.0.0.1, 10.0.0.2]}\n";

std::uint64_t packets_counted(const datapath::Maps& maps) {
    const auto first = maps.service(1).first_backend;
    std::uint64_t packets = datapath::service_counters(maps, 1)->traffic.packets +
                            datapath::backend_traffic(maps, first + 1)->packets +
                            datapath::backend_traffic(maps, first + 2)->packets;
    const auto verdicts = datapath::verdict_counts(maps);
    for (const auto& verdict : *verdicts)
        packets += verdict.packets;
    return packets;
}

std::size_t flows_recorded(const datapath::Maps& maps) {
    std::size_t records = 0;
    for (datapath::FlowScan scan(maps); !scan.done();)
        records += scan.next()->size();
    return records;
}

/// A balancer of the services, and what it finds of the first when the given program is attached.
struct Prover {
    explicit Prover(const std::string& services) : config(configure(services)), replayer(balancer(config)) {}

    [[nodiscard]] std::string finds_of(int program) const {
        return agent::prove_service(config, replayer->maps(), program, 0, config.services[0], 1);
    }
    [[nodiscard]] std::string finds() const { return finds_of(replayer->program_fd()); }
    void set_flags(std::uint16_t number, std::uint16_t flags) const {
        const auto& maps = replayer->maps();
        maps.backend(maps.service(1).first_backend + number).flags = flags;
    }

    config::Config config;
    std::unique_ptr<control::Replayer> replayer;
};
}  // namespace

TEST_CASE("a packet from 0.0.0.0 or :: is forwarded, and neither counted nor recorded") {
    const auto replayer = balancer(configure(kServices));
    const auto& maps = replayer->maps();
    const Frame proofs[] = {FrameBuilder::ipv4("0.0.0.0").tcp(80, FrameBuilder::kSyn).build(),
                            FrameBuilder::ipv4("0.0.0.0").udp(53).build(),
                            FrameBuilder::ipv6("::").tcp(80, FrameBuilder::kSyn).build()};
    for (const auto& proof : proofs)
        CHECK(verdict_of(*replayer, proof) == "forwarded");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4("0.0.0.0").tcp(81).build()) == "no_listener");
    CHECK(packets_counted(maps) == 0);
    CHECK(flows_recorded(maps) == 0);
    CHECK(datapath::service_counters(maps, 1)->flow_lookups == 0);

    // Sources that only look like it.
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4("0.0.0.1").tcp(80).build()) == "forwarded");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv6("::1").tcp(80).build()) == "forwarded");
    CHECK(packets_counted(maps) == 6);
    CHECK(flows_recorded(maps) == 2);
}

TEST_CASE("a balancer finds no fault with a program that forwards, and leaves no trace of having looked") {
    for (const char* services :
         {kServices, "  - {name: dns, listen: ['[2001:db8:1::10]:53/udp'], backends: ['2001:db8:2::1']}\n",
          "  - {name: any, listen: ['192.0.2.10:*/tcp'], affinity: client, backends: [10.0.0.1]}\n"}) {
        const Prover prover(services);
        CHECK(prover.finds().empty());
        CHECK(datapath::service_counters(prover.replayer->maps(), 1)->traffic.packets == 0);
        CHECK(flows_recorded(prover.replayer->maps()) == 0);
    }
}

TEST_CASE("a balancer finds a program that does not forward, or that forwards to somebody else") {
    const Prover prover(kServices);
    const Prover of_nobody("  - {name: web, listen: ['192.0.2.99:80/tcp'], backends: [10.0.0.1]}\n");
    CHECK(prover.finds_of(of_nobody.replayer->program_fd()) ==
          "the program does not forward a packet to 192.0.2.10 port 80 (XDP action 2)");
    const Prover of_others("  - {name: web, listen: ['192.0.2.10:80/tcp'], backends: [10.0.0.9]}\n");
    CHECK_THAT(prover.finds_of(of_others.replayer->program_fd()),
               Catch::StartsWith("the program does not wrap a packet to 192.0.2.10 port 80 for 10.0.0."));
}

TEST_CASE("a service is at fault when no backend has a next hop, not when it has no available backend") {
    const Prover prover(kServices);
    constexpr auto kUnreachable = abi::BACKEND_CONFIGURED | abi::BACKEND_ALIVE;
    prover.set_flags(1, kUnreachable);
    CHECK(prover.finds().empty());
    prover.set_flags(2, kUnreachable);
    CHECK(prover.finds() == "no backend has a next hop");
    std::ranges::fill(prover.replayer->maps().table(1), 0);
    CHECK(prover.finds().empty());
}
