// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>

#include "balancer.hpp"
#include "datapath/counters.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
const std::string kThree =
    "  - {name: web, listen: ['192.0.2.10:80/tcp', '192.0.2.10:53/udp', '[2001:db8:1::10]:80/tcp'],"
    " backends: [10.0.0.1, 10.0.0.2, 10.0.0.3]}\n";

/// An ICMP message of a router about something, to the VIP.
FrameBuilder error4(std::string message) {
    return FrameBuilder::ipv4("203.0.113.1").protocol(1, bytes(message));
}
FrameBuilder error6(std::string message) {
    return FrameBuilder::ipv6("2001:db8:ffff::1").protocol(58, bytes(message));
}

/// The server's packet to the client, of a TCP flow from port 1234 (04d2), cut off 8 bytes behind its IP
/// header.
const std::string kQuoted4 =
    "45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a c6 33 64 07"
    "00 50 04 d2 11 22 33 44";
const std::string kQuoted6 =
    "60 00 00 00 05 a8 06 40"
    "20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10"
    "20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07"
    "00 50 04 d2 11 22 33 44";

void check_same_backend(const control::Replayer& replayer, const FrameBuilder& error,
                        const FrameBuilder& of) {
    const auto wanted = run(replayer, of.build());
    const auto outcome = run(replayer, error.build());
    CHECK(datapath::verdict_name(outcome.verdict) == "forwarded");
    CHECK(outcome.slot == wanted.slot);
    CHECK(outcome.backend == wanted.backend);
    CHECK(outcome.service == "web");
}
}  // namespace

TEST_CASE("an ICMP error with 8 bytes of TCP goes, whole, to the flow's backend") {
    const auto replayer = balancer(configure(kThree));
    for (const char* head : {"03 04 00 00 00 00 05 78", "0b 00 00 00 00 00 00 00", "0c 00 00 00 00 00 00 00"})
        check_same_backend(*replayer, error4(head + kQuoted4), FrameBuilder::ipv4().tcp(80));
    for (const char* type : {"01", "02", "03", "04"})
        check_same_backend(*replayer, error6(type + std::string(" 00 00 00 00 00 05 78") + kQuoted6),
                           FrameBuilder::ipv6().tcp(80));

    const auto frame = error4("03 04 00 00 00 00 05 78" + kQuoted4).build();
    const auto sent = run(*replayer, frame).frame;
    REQUIRE(sent.size() == frame.size() + 20);
    CHECK(std::equal(frame.begin() + 14, frame.end(), sent.begin() + 34));
    CHECK(Frame(sent.begin() + 12, sent.begin() + 24) == bytes("08 00 45 00 00 4c 1d 2c 40 00 40 04"));
}

TEST_CASE("an error about a UDP flow, and quoted options and extension headers") {
    const auto replayer = balancer(configure(kThree));
    check_same_backend(*replayer,
                       error4("03 03 00 00 00 00 00 00"
                              "45 00 00 40 00 00 00 00 40 11 00 00 c0 00 02 0a c6 33 64 07"
                              "00 35 04 d2 00 2c 00 00"),
                       FrameBuilder::ipv4().udp(53));
    check_same_backend(
        *replayer,
        error4("03 04 00 00 00 00 05 78"
               "47 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a c6 33 64 07 94 04 00 00 01 01 01 00"
               "00 50 04 d2 11 22 33 44"),
        FrameBuilder::ipv4().tcp(80));
    check_same_backend(*replayer,
                       error6("02 00 00 00 00 00 05 78"
                              "60 00 00 00 05 a8 00 40"
                              "20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10"
                              "20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07"
                              "3c 00 05 02 00 00 00 00  2c 01 01 0c 00 00 00 00 00 00 00 00 00 00 00 00"
                              "06 00 00 01 12 34 56 78"
                              "00 50 04 d2 11 22 33 44"),
                       FrameBuilder::ipv6().tcp(80));
}

TEST_CASE("an error that quotes no packet of this VIP, or too little of it") {
    const auto replayer = balancer(configure(kThree));
    const std::string head = "03 04 00 00 00 00 05 78";
    const auto bad = [&](const std::string& quoted) {
        CHECK(verdict_of(*replayer, error4(head + quoted).build()) == "bad_icmp_error");
    };
    bad("");
    bad(kQuoted4.substr(0, 3 * 19));
    bad(kQuoted4.substr(0, kQuoted4.size() - 3));
    bad("45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0b c6 33 64 07 00 50 04 d2 11 22 33 44");
    bad("44 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a c6 33 64 07 00 50 04 d2 11 22 33 44");
    bad("65 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a c6 33 64 07 00 50 04 d2 11 22 33 44");
    bad("45 00 05 dc 00 00 00 10 40 06 00 00 c0 00 02 0a c6 33 64 07 00 50 04 d2 11 22 33 44");
    CHECK(verdict_of(*replayer, error4("03 04 00 00 00 00 05").build()) == "bad_transport_header");
    // about the VIP's own echo reply
    CHECK(verdict_of(
              *replayer,
              error4(head +
                     "45 00 05 dc 00 00 40 00 40 01 00 00 c0 00 02 0a c6 33 64 07 00 00 00 00 11 22 33 44")
                  .build()) == "icmp");
    // about a port on which nobody listens
    CHECK(verdict_of(
              *replayer,
              error4(head +
                     "45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a c6 33 64 07 00 51 04 d2 11 22 33 44")
                  .build()) == "no_listener");
    CHECK(verdict_of(*replayer, error6("02 00 00 00 00 00 05 78" + kQuoted6.substr(0, 3 * 42)).build()) ==
          "bad_icmp_error");
    // for another host than a VIP: passed, whatever it quotes
    CHECK(verdict_of(*replayer,
                     FrameBuilder::ipv4("203.0.113.1", "192.0.2.99").protocol(1, bytes(head)).build()) ==
          "not_vip");
}

TEST_CASE("an error about a flow whose slot moves goes to the recorded backend, and records nothing") {
    const auto replayer = balancer(configure(kThree));
    const auto flow = FrameBuilder::ipv4().tcp(80);
    const auto error = error4("03 04 00 00 00 00 05 78" + kQuoted4).build();
    const auto slot = run(*replayer, flow.build()).slot.value();
    auto& owner = replayer->maps().table(1)[slot];
    const auto settled = owner;
    const auto other = static_cast<std::uint16_t>(settled % 3 + 1);
    const auto backend = [&](std::uint16_t number) {
        return abi::from_abi(
            replayer->maps().backend(replayer->maps().service(1).first_backend + number).address);
    };
    replayer->maps().previous(1)[slot] = settled;
    owner = static_cast<std::uint16_t>(abi::SLOT_MOVING | other);

    CHECK(run(*replayer, error).backend == backend(settled));
    datapath::FlowScan empty(replayer->maps());
    CHECK(empty.next()->empty());

    static_cast<void>(run(*replayer, flow.build()));  // recorded for the previous owner
    replayer->maps().previous(1)[slot] = 0;
    CHECK(run(*replayer, error).backend == backend(settled));
    replayer->maps().backend(replayer->maps().service(1).first_backend + settled).flags &=
        static_cast<std::uint16_t>(~abi::BACKEND_ALIVE);
    CHECK(run(*replayer, error).backend == backend(other));
}

TEST_CASE("an echo request to a VIP is answered") {
    const auto replayer = balancer(configure(kThree));
    const auto answer =
        run(*replayer, FrameBuilder::ipv4()
                           .tos(0x10)
                           .protocol(1, bytes("08 00 7b 43 12 34 56 78 00 01 02 03 04 05 06 07 08"))
                           .build());
    CHECK(datapath::verdict_name(answer.verdict) == "echo_answered");
    CHECK(datapath::verdict_action(answer.verdict) == "tx");
    CHECK(answer.backend == std::nullopt);
    CHECK(hex(answer.frame) == hex(bytes(R"(
        02 00 00 00 00 bb  02 00 00 00 00 aa  08 00
        45 10 00 25 1d 2c 40 00 40 01 31 57 c0 00 02 0a c6 33 64 07
        00 00 83 43 12 34 56 78 00 01 02 03 04 05 06 07 08)")));

    const auto answer6 =
        run(*replayer, FrameBuilder::ipv6()
                           .protocol(58, bytes("80 00 a7 64 12 34 56 78 00 01 02 03 04 05 06 07 08"))
                           .build());
    CHECK(hex(answer6.frame) == hex(bytes(R"(
        02 00 00 00 00 bb  02 00 00 00 00 aa  86 dd
        60 00 ca fe 00 11 3a 40
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10
        20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07
        81 00 a6 64 12 34 56 78 00 01 02 03 04 05 06 07 08)")));
}

TEST_CASE("an echo reply's checksum is right where one's complement has two zeros") {
    const auto replayer = balancer(configure(kThree));
    const auto answered = [&](const char* request) {
        const auto frame = run(*replayer, FrameBuilder::ipv4().protocol(1, bytes(request)).build()).frame;
        return hex(Frame(frame.begin() + 34, frame.end()));
    };
    CHECK(answered("08 00 f7 ff 00 00 00 00 00 00") == hex(bytes("00 00 ff ff 00 00 00 00 00 00")));
    CHECK(answered("08 00 f7 ff ff ff 00 00 00 00") == hex(bytes("00 00 00 00 ff ff 00 00 00 00")));
    CHECK(answered("08 00 f7 fe 00 01 00 00") == hex(bytes("00 00 ff fe 00 01 00 00")));
    CHECK(answered("08 00 00 00 f7 ff 00 00") == hex(bytes("00 00 08 00 f7 ff 00 00")));
}

TEST_CASE("an echo request that is none of ours, or in pieces") {
    const auto replayer = balancer(configure(kThree));
    const auto ping = bytes("08 00 7b 43 12 34 56 78 00 01 02 03 04 05 06 07 08");
    const auto elsewhere = FrameBuilder::ipv4("198.51.100.7", "192.0.2.99").protocol(1, ping).build();
    const auto passed = run(*replayer, elsewhere);
    CHECK(datapath::verdict_name(passed.verdict) == "not_vip");
    CHECK(hex(passed.frame) == hex(elsewhere));
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().fragment_field(0x2000).protocol(1, ping).build()) ==
          "fragment");
}
