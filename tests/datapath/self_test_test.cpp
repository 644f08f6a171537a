// SPDX-License-Identifier: Apache-2.0
#include "agent/self_test.hpp"

#include <algorithm>
#include <random>

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

    /// What it finds if another's program is run in place of its own.
    [[nodiscard]] std::string finds_of(const datapath::Program& program) const {
        const agent::SelfTestPort ground{program.fd(), 0, *MacAddress::parse("02:00:00:00:00:aa"),
                                         program.self_test_source()};
        return agent::self_test_of(config, replayer->maps(), ground, config.services[0], 1);
    }
    [[nodiscard]] std::string finds() const { return finds_of(replayer->program()); }
    void set_flags(std::uint16_t number, std::uint16_t flags) const {
        const auto& maps = replayer->maps();
        maps.backend(maps.service(1).first_backend + number).flags = flags;
    }

    config::Config config;
    std::unique_ptr<control::Replayer> replayer;
};
}  // namespace

TEST_CASE("a frame of the agent's is forwarded, and neither counted nor recorded") {
    const Prover prover(kServices);
    const auto& replayer = *prover.replayer;
    const auto self_test_source = replayer.program().self_test_source().text();
    const Frame self_tests[] = {
        FrameBuilder::ipv4("0.0.0.0").tcp(80, FrameBuilder::kSyn).from(self_test_source).build(),
        FrameBuilder::ipv4("0.0.0.0").udp(53).from(self_test_source).build(),
        FrameBuilder::ipv6("::").tcp(80, FrameBuilder::kSyn).from(self_test_source).build()};
    for (const auto& self_test : self_tests)
        CHECK(verdict_of(replayer, self_test) == "forwarded");
    CHECK(verdict_of(replayer, FrameBuilder::ipv4("0.0.0.0").tcp(81).from(self_test_source).build()) ==
          "no_listener");
    CHECK(packets_counted(replayer.maps()) == 0);
    CHECK(flows_recorded(replayer.maps()) == 0);
    CHECK(datapath::service_counters(replayer.maps(), 1)->flow_lookups == 0);
}

TEST_CASE("nobody else can send such a frame: each is counted, and none is let in", "[claims]") {
    const auto replayer = balancer(configure(
        "  - {name: web, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:80/tcp'], tracking: always, "
        "allow: [203.0.113.0/24], backends: [10.0.0.1, 10.0.0.2]}\n"));
    const auto& maps = replayer->maps();
    // The secret is another one for each program, and no unicast address.
    const auto secret = replayer->program().self_test_source();
    CHECK((secret.bytes[0] & 1) == 1);
    CHECK(secret != balancer(configure(kServices))->program().self_test_source());

    const auto claim = [&](const std::string& mac) {
        CHECK(verdict_of(*replayer, FrameBuilder::ipv4("0.0.0.0").tcp(80, 2).from(mac).build()) ==
              "impossible_source");
        CHECK(verdict_of(*replayer, FrameBuilder::ipv6("::").tcp(80, 2).from(mac).build()) ==
              "impossible_source");
        CHECK(verdict_of(*replayer, FrameBuilder::ipv6("::ffff:0.0.0.0").tcp(80, 2).from(mac).build()) ==
              "impossible_source");
    };
    claim("00 00 00 00 00 00");
    claim("ff ff ff ff ff ff");
    auto nearly = secret;
    nearly.bytes[5] ^= 1;
    claim(nearly.text());
    std::mt19937_64 random(1);
    const char* frames = std::getenv("GUIDEWAY_FRAMES");
    const std::uint64_t claims = frames == nullptr ? 3000 : std::strtoull(frames, nullptr, 10) / 3;
    for (std::uint64_t i = 0; i < claims; ++i)
        claim(fmt::format("{:012x}", random() & 0xffffffffffff));
    CHECK(datapath::verdict_counts(maps)->at(abi::VERDICT_IMPOSSIBLE_SOURCE).packets == 3 * (claims + 3));
    CHECK(flows_recorded(maps) == 0);
    CHECK(datapath::service_counters(maps, 1)->traffic.packets == 0);

    // With the secret, but from an address that somebody may have, it is a client's packet.
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(80, 2).from(secret.text()).build()) ==
          "client_denied");
    CHECK(datapath::verdict_counts(maps)->at(abi::VERDICT_CLIENT_DENIED).packets == 1);
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
    CHECK(prover.finds_of(of_nobody.replayer->program()) ==
          "the program does not forward a packet to 192.0.2.10 port 80 (XDP action 2)");
    const Prover of_others("  - {name: web, listen: ['192.0.2.10:80/tcp'], backends: [10.0.0.9]}\n");
    CHECK_THAT(prover.finds_of(of_others.replayer->program()),
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
