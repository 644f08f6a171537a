// SPDX-License-Identifier: Apache-2.0
#include "balancer.hpp"
#include "datapath/datapath.hpp"
#include "datapath/test_run.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
std::string service(unsigned mtu, const std::string& more = "") {
    return fmt::format(
        "  - {{name: web{}, listen: ['192.0.2.10:80/tcp', '192.0.2.10:53/udp', '[2001:db8:1::10]:80/tcp'],"
        " backends: [{{address: 10.0.1.11, mtu: {}}}]}}\n",
        more, mtu);
}

/// The answer, of which the headers are written out and the rest is the packet that was too big.
void check_answer(const control::Replayer& replayer, const Frame& packet, const std::string& headers) {
    const auto outcome = run(replayer, packet);
    CHECK(datapath::verdict_name(outcome.verdict) == "too_big_answered");
    CHECK(datapath::verdict_action(outcome.verdict) == "tx");
    CHECK(outcome.backend == std::nullopt);
    const auto expected = bytes(headers);
    REQUIRE(outcome.frame.size() == expected.size() + 512);
    const auto quote = outcome.frame.begin() + static_cast<std::ptrdiff_t>(expected.size());
    CHECK(hex(Frame(outcome.frame.begin(), quote)) == hex(expected));
    CHECK(std::equal(packet.begin() + 14, packet.begin() + 14 + 512, quote));
}
}  // namespace

TEST_CASE("a packet above the backend's MTU with DF is answered with what fits") {
    const auto replayer = balancer(configure(service(1500)));
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(80).payload(1440).build()) == "forwarded");
    check_answer(*replayer, FrameBuilder::ipv4().tcp(80).payload(1460).build(), R"(
        02 00 00 00 00 bb  02 00 00 00 00 aa  08 00
        45 00 02 1c 00 00 40 00 40 01 4c 9c c0 00 02 0a c6 33 64 07
        03 04 83 be 00 00 05 c8)");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(80).payload(1441).build()) == "too_big_answered");
}

TEST_CASE("IPv6 that is too big is answered, but never with less than 1280") {
    check_answer(*balancer(configure(service(1500))), FrameBuilder::ipv6().tcp(80).payload(1440).build(), R"(
        02 00 00 00 00 bb  02 00 00 00 00 aa  86 dd
        60 00 00 00 02 08 3a 40
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10
        20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07
        02 00 9e 7b 00 00 05 c8)");
    const auto narrow = balancer(configure(service(1000)));
    check_answer(*narrow, FrameBuilder::ipv6().tcp(80).payload(1240).build(), R"(
        02 00 00 00 00 bb  02 00 00 00 00 aa  86 dd
        60 00 00 00 02 08 3a 40
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10
        20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07
        02 00 a0 0b 00 00 05 00)");
    CHECK(verdict_of(*narrow, FrameBuilder::ipv6().tcp(80).payload(1220).build()) == "forwarded");
}

TEST_CASE("a packet that is too big and may be fragmented is dropped under its own verdict") {
    const auto replayer = balancer(configure(service(1500)));
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().udp(53).fragment_field(0).payload(1460).build()) ==
          "too_big_no_df");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().udp(53).fragment_field(0).payload(1452).build()) ==
          "forwarded");
}

TEST_CASE("the outer headers count, whatever they are") {
    const auto fits = [](const char* encapsulation, std::size_t payload) {
        const auto replayer =
            balancer(configure(service(1500, std::string(", encapsulation: ") + encapsulation)));
        const auto frame = [](std::size_t size) {
            return FrameBuilder::ipv4().tcp(80).payload(size).build();
        };
        return verdict_of(*replayer, frame(payload)) == "forwarded" &&
               verdict_of(*replayer, frame(payload + 1)) == "too_big_answered";
    };
    CHECK(fits("gre", 1436));
    CHECK(fits("gue", 1428));
}

TEST_CASE("a tagged frame that is too big is answered with its tags") {
    const auto replayer = balancer(configure(service(1500)));
    const auto packet = FrameBuilder::ipv4().tcp(80).payload(1460).vlan(0x8100, 7).vlan(0x88a8, 100).build();
    const auto outcome = run(*replayer, packet);
    CHECK(datapath::verdict_name(outcome.verdict) == "too_big_answered");
    CHECK(hex(Frame(outcome.frame.begin(), outcome.frame.begin() + 50)) == hex(bytes(R"(
        02 00 00 00 00 bb  02 00 00 00 00 aa  88 a8 00 64 81 00 00 07 08 00
        45 00 02 1c 00 00 40 00 40 01 4c 9c c0 00 02 0a c6 33 64 07
        03 04 83 be 00 00 05 c8)")));
}

TEST_CASE("nothing is answered that must not be") {
    const auto replayer = balancer(configure(service(600)));
    // an ICMP error
    auto quoted = bytes(
        "03 04 00 00 00 00 05 78"
        "45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a c6 33 64 07 00 50 04 d2 11 22 33 44");
    quoted.resize(556);
    CHECK(verdict_of(*balancer(configure(service(590))),
                     FrameBuilder::ipv4("203.0.113.1").protocol(1, quoted).build()) == "too_big_unanswered");
    // a later fragment
    const auto fragment = [&](std::uint16_t field) {
        return verdict_of(*replayer, FrameBuilder::ipv4().udp(53).fragment_field(field).payload(592).build());
    };
    CHECK(fragment(0x6000) == "too_big_answered");
    CHECK(fragment(0x4010) == "too_big_unanswered");
}

TEST_CASE("answers are limited, each CPU's on its own") {
    auto config = configure(service(1500));
    auto program = datapath::Program::load(datapath::geometry_of(config.datapath),
                                           {.hash_key = config.hash_key,
                                            .record_decisions = true,
                                            .any_unicast_is_own = true,
                                            .answers_per_window = 0},
                                           nullptr);
    REQUIRE(program);
    auto maps = program->maps();
    REQUIRE(maps);
    control::Reconciler reconciler(*maps);
    REQUIRE(reconciler.apply(control::desired_state(config),
                             [&](const control::DesiredBackend& backend) {
                                 return control::replayed_next_hop(config.datapath, backend);
                             },
                             {}));
    REQUIRE(datapath::test_run(program->fd(), FrameBuilder::ipv4().tcp(80).payload(1460).build()));
    CHECK(datapath::verdict_name(static_cast<abi::verdict>(program->last_decision()->verdict)) ==
          "too_big_unanswered");
}
