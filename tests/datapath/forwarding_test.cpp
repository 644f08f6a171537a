// SPDX-License-Identifier: Apache-2.0
#include "balancer.hpp"
#include "datapath/counters.hpp"
#include "maglev/flow_hash.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
const std::string kOverIpv4 =
    "  - {name: web, listen: ['192.0.2.10:80/tcp', '192.0.2.10:53/udp', '[2001:db8:1::10]:80/tcp'],"
    " backends: [{address: 10.0.1.11, mac: '02:00:00:00:01:11'}]}\n";
const std::string kOverIpv6 =
    "  - {name: web, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:80/tcp', '[2001:db8:1::10]:53/udp'],"
    " backends: [{address: '2001:db8:2::11'}]}\n";
const std::string kThree =
    "  - {name: web, listen: ['192.0.2.10:80/tcp'], backends: [10.0.0.1, 10.0.0.2, 10.0.0.3]}\n";

void check_forwarded(const control::Replayer& replayer, const Frame& frame, const Frame& expected) {
    const auto outcome = run(replayer, frame);
    CHECK(datapath::verdict_name(outcome.verdict) == "forwarded");
    CHECK(hex(outcome.frame) == hex(expected));
}
}  // namespace

TEST_CASE("IPv4 in IPv4: TOS, ID and DF are copied, the header checksum is right") {
    const auto replayer = balancer(configure(kOverIpv4));
    check_forwarded(*replayer, FrameBuilder::ipv4().tcp(80).tos(0x29).payload(4).build(), bytes(R"(
        02 00 00 00 01 11  02 00 00 00 00 02  08 00
        45 29 00 40 1d 2c 40 00 40 04 ff 48 0a 09 09 09 0a 00 01 0b
        45 29 00 2c 1d 2c 40 00 3f 06 32 32 c6 33 64 07 c0 00 02 0a
        04 d2 00 50 11 22 33 44 55 66 77 88 50 10 fa f0 00 00 00 00  00 01 02 03)"));
}

TEST_CASE("IPv6 in IPv4: the traffic class is copied, DF is set") {
    const auto replayer = balancer(configure(kOverIpv4));
    check_forwarded(*replayer, FrameBuilder::ipv6().tcp(80).tos(0x29).payload(4).build(), bytes(R"(
        02 00 00 00 01 11  02 00 00 00 00 02  08 00
        45 29 00 54 00 00 40 00 40 29 1c 3c 0a 09 09 09 0a 00 01 0b
        62 90 ca fe 00 18 06 3f
        20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10
        04 d2 00 50 11 22 33 44 55 66 77 88 50 10 fa f0 00 00 00 00  00 01 02 03)"));
}

TEST_CASE("IPv4 in IPv6: the traffic class is copied, the flow label is of the flow's hash") {
    const auto replayer = balancer(configure(kOverIpv6));
    check_forwarded(*replayer, FrameBuilder::ipv4().tcp(80).tos(0x29).payload(4).build(), bytes(R"(
        02 00 00 00 00 01  02 00 00 00 00 02  86 dd
        62 94 e5 b1 00 2c 04 40
        20 01 0d b8 00 09 00 09 00 00 00 00 00 00 00 09
        20 01 0d b8 00 02 00 00 00 00 00 00 00 00 00 11
        45 29 00 2c 1d 2c 40 00 3f 06 32 32 c6 33 64 07 c0 00 02 0a
        04 d2 00 50 11 22 33 44 55 66 77 88 50 10 fa f0 00 00 00 00  00 01 02 03)"));
}

TEST_CASE("IPv6 in IPv6") {
    const auto replayer = balancer(configure(kOverIpv6));
    check_forwarded(*replayer, FrameBuilder::ipv6().tcp(80).tos(0x29).payload(4).build(), bytes(R"(
        02 00 00 00 00 01  02 00 00 00 00 02  86 dd
        62 94 9b f4 00 40 29 40
        20 01 0d b8 00 09 00 09 00 00 00 00 00 00 00 09
        20 01 0d b8 00 02 00 00 00 00 00 00 00 00 00 11
        62 90 ca fe 00 18 06 3f
        20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10
        04 d2 00 50 11 22 33 44 55 66 77 88 50 10 fa f0 00 00 00 00  00 01 02 03)"));
}

TEST_CASE("UDP is forwarded; a packet without DF keeps that, inside an ID of the balancer's") {
    const auto replayer = balancer(configure(kOverIpv4));
    check_forwarded(*replayer, FrameBuilder::ipv4().udp(53).fragment_field(0).id(0xbeef).build(), bytes(R"(
        02 00 00 00 01 11  02 00 00 00 00 02  08 00
        45 00 00 30 00 00 00 00 40 04 5c ae 0a 09 09 09 0a 00 01 0b
        45 00 00 1c be ef 00 00 3f 11 d0 9c c6 33 64 07 c0 00 02 0a
        04 d2 00 35 00 08 00 00)"));
}

TEST_CASE("padding behind the IP packet is not wrapped") {
    const auto replayer = balancer(configure(kOverIpv4));
    const auto padded = run(*replayer, FrameBuilder::ipv4().udp(53).padding(18).build());
    const auto plain = run(*replayer, FrameBuilder::ipv4().udp(53).build());
    CHECK(hex(padded.frame) == hex(plain.frame));
}

TEST_CASE("a frame of several pages' size is forwarded whole") {
    const auto replayer = balancer(configure(kOverIpv4));
    const auto frame = FrameBuilder::ipv4().tcp(80).payload(8900).build();
    const auto outcome = run(*replayer, frame);
    CHECK(datapath::verdict_name(outcome.verdict) == "forwarded");
    REQUIRE(outcome.frame.size() == frame.size() + 20);
    CHECK(std::equal(frame.begin() + 14, frame.end(), outcome.frame.begin() + 34));
}

TEST_CASE("IPv4 options and IPv6 extension headers do not keep a packet from its backend") {
    const auto replayer = balancer(configure(kOverIpv4));
    const auto plain = run(*replayer, FrameBuilder::ipv4().tcp(80).build());
    const auto options = run(*replayer, FrameBuilder::ipv4().options(bytes("94 04 00 00")).tcp(80).build());
    CHECK(datapath::verdict_name(options.verdict) == "forwarded");
    CHECK(options.slot == plain.slot);

    const auto plain6 = run(*replayer, FrameBuilder::ipv6().tcp(80).build());
    const auto extended =
        run(*replayer, FrameBuilder::ipv6()
                           .extension(0, bytes("00 00 05 02 00 00 00 00"))
                           .extension(60, bytes("00 01 01 0c 0000 0000 0000 0000 0000 0000"))
                           .extension(51, bytes("00 01 0000 00000100 00000001"))
                           .extension(44, bytes("00 00 00 00 12 34 56 78"))
                           .tcp(80)
                           .build());
    CHECK(datapath::verdict_name(extended.verdict) == "forwarded");
    CHECK(extended.slot == plain6.slot);
}

TEST_CASE("each flow goes to the owner of its slot in the table") {
    const auto config = configure(kThree);
    const auto replayer = balancer(config);
    const auto table = control::serving_table_of(control::desired_state(config).services[0].backends, 65537);
    for (std::uint16_t port = 1000; port < 1200; ++port) {
        const auto outcome = run(*replayer, FrameBuilder::ipv4().tcp(80, FrameBuilder::kAck, port).build());
        const auto hash = maglev::flow_hash(
            {*IpAddress::parse("198.51.100.7"), *IpAddress::parse("192.0.2.10"), port, 80, 6},
            config.hash_key, false);
        REQUIRE(outcome.slot == maglev::flow_slot(hash, 65537));
        REQUIRE(outcome.backend == table.base().members()[table.owners()[*outcome.slot]].address);
    }
}

TEST_CASE("the program agrees with the golden vectors of hash format 1") {
    const std::string services =
        "  - {name: flow, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:443/udp'], backends: [10.0.0.1]}\n";
    const std::string by_client =
        "  - {name: client, affinity: client, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:443/udp'],"
        " backends: [10.0.0.1]}\n";
    const auto v4 = FrameBuilder::ipv4().tcp(80).build();
    const auto v6 = FrameBuilder::ipv6().udp(443).build();
    CHECK(run(*balancer(configure(services)), v4).slot == 16401);
    CHECK(run(*balancer(configure(services)), v6).slot == 31201);
    CHECK(run(*balancer(configure(by_client)), v4).slot == 44026);
    CHECK(run(*balancer(configure(by_client)), v6).slot == 52051);
}

TEST_CASE("any table size works") {
    for (const char* size : {"251", "16381", "655373", "1048573"}) {
        const auto replayer =
            balancer(configure(kThree, std::string(", max_services: 4, table_size: ") + size));
        const auto outcome = run(*replayer, FrameBuilder::ipv4().tcp(80).build());
        CHECK(datapath::verdict_name(outcome.verdict) == "forwarded");
        CHECK(outcome.slot ==
              maglev::flow_slot(0x40114acd5814e5b1, static_cast<std::uint32_t>(std::stoul(size))));
    }
}

TEST_CASE("packets, bytes and new flows are counted for the service, the backend and the verdict") {
    const auto replayer = balancer(configure(kOverIpv4));
    static_cast<void>(run(*replayer, FrameBuilder::ipv4().tcp(80, FrameBuilder::kSyn).build()));
    static_cast<void>(run(*replayer, FrameBuilder::ipv4().tcp(80).payload(100).padding(4).build()));
    static_cast<void>(
        run(*replayer, FrameBuilder::ipv4().tcp(80, FrameBuilder::kSyn | FrameBuilder::kAck).build()));

    const auto service = datapath::service_counters(replayer->maps(), 1);
    REQUIRE(service);
    CHECK(service->traffic.packets == 3);
    CHECK(service->traffic.bytes == 40 + 140 + 40);
    CHECK(service->traffic.new_flows == 1);
    const auto backend = datapath::backend_traffic(replayer->maps(), 1);
    REQUIRE(backend);
    CHECK(backend->packets == 3);
    CHECK(backend->bytes == 40 + 140 + 40);
    const auto verdicts = datapath::verdict_counts(replayer->maps());
    REQUIRE(verdicts);
    CHECK((*verdicts)[abi::VERDICT_FORWARDED].packets == 3);
    CHECK((*verdicts)[abi::VERDICT_FORWARDED].bytes == 40 + 140 + 40);
}

TEST_CASE("a service without backends and a backend without next hop are counted, not guessed") {
    const auto empty = balancer(configure("  - {name: web, listen: ['192.0.2.10:80/tcp'], backends: []}\n"));
    CHECK(verdict_of(*empty, FrameBuilder::ipv4().tcp(80).build()) == "no_backend");

    const auto replayer = balancer(configure(kOverIpv4));
    replayer->reconciler().refresh_next_hops([](const auto&) { return std::nullopt; });
    const auto outcome = run(*replayer, FrameBuilder::ipv4().tcp(80).build());
    CHECK(datapath::verdict_name(outcome.verdict) == "no_next_hop");
    CHECK(outcome.backend == IpAddress::parse("10.0.1.11"));

    replayer->reconciler().refresh_next_hops([](const auto& backend) {
        auto elsewhere = control::replayed_next_hop({}, backend);
        elsewhere.port.ifindex = 7;
        return elsewhere;
    });
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(80).build()) == "no_next_hop");
}
