// SPDX-License-Identifier: Apache-2.0
#include "datapath/probe_encap.hpp"

#include <linux/pkt_cls.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "datapath/test_run.hpp"
#include "frame.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
constexpr config::ProbeMark kMark{0x67000000, 0xff000000};
constexpr std::uint32_t kIPv4Backend = 1;
constexpr std::uint32_t kIPv6Backend = 2;
constexpr std::uint32_t kElsewhere = 3;   ///< behind another interface
constexpr std::uint32_t kUnresolved = 4;  ///< without a next hop
constexpr std::uint32_t kIPv4Gre = 5;
constexpr std::uint32_t kIPv6Gre = 6;
constexpr std::uint32_t kIPv4Gue = 7;
constexpr std::uint32_t kIPv6Gue = 8;
constexpr std::uint32_t kRoutes = 9;

abi::probe_route route(const char* backend, const char* source, std::uint32_t interface,
                       std::uint32_t shim = 0) {
    abi::probe_route made{};
    made.backend = abi::to_abi(*IpAddress::parse(backend));
    made.source = abi::to_abi(*IpAddress::parse(source));
    made.interface = interface;
    made.flags = abi::PROBE_NEXT_HOP | shim;
    std::ranges::copy(bytes("02 00 00 00 00 65"), made.next_hop_mac);
    std::ranges::copy(bytes("02 00 00 00 00 0b"), made.interface_mac);
    return made;
}

datapath::ProbeEncap program() {
    auto loaded = datapath::ProbeEncap::load(kMark, kRoutes);
    if (!loaded)
        FAIL(loaded.error().message);
    REQUIRE(loaded->store(kIPv4Backend, route("10.0.0.101", "10.0.0.11", datapath::kTestRunInterface)));
    REQUIRE(
        loaded->store(kIPv6Backend, route("2001:db8:f::101", "2001:db8:f::11", datapath::kTestRunInterface)));
    REQUIRE(loaded->store(kElsewhere, route("10.0.0.101", "10.0.0.11", 7)));
    REQUIRE(loaded->store(kUnresolved, {}));
    for (const auto& [of_ipv4, of_ipv6, shim] :
         {std::tuple{kIPv4Gre, kIPv6Gre, abi::PROBE_GRE}, {kIPv4Gue, kIPv6Gue, abi::PROBE_GUE}}) {
        REQUIRE(loaded->store(of_ipv4, route("10.0.0.101", "10.0.0.11", datapath::kTestRunInterface, shim)));
        REQUIRE(loaded->store(of_ipv6,
                              route("2001:db8:f::101", "2001:db8:f::11", datapath::kTestRunInterface, shim)));
    }
    return std::move(*loaded);
}

datapath::TestRun run(const datapath::ProbeEncap& encap, std::uint32_t mark, const Frame& frame) {
    auto done = datapath::test_run_marked(encap.fd(), mark, frame);
    if (!done)
        FAIL(done.error().message);
    return std::move(*done);
}

/// The header that is written out, then the probe's IP packet as it was.
Frame wrapped(const char* outer, const Frame& probe) {
    Frame frame = bytes(outer);
    frame.insert(frame.end(), probe.begin() + 14, probe.end());
    return frame;
}

Frame without_flow_label(Frame frame) {
    frame[15] &= 0xf0;
    frame[16] = frame[17] = 0;
    return frame;
}

const Frame kIPv4Probe = FrameBuilder::ipv4("10.0.0.11", "192.0.2.10").tcp(80).tos(0x12).build();
const Frame kIPv6Probe = FrameBuilder::ipv6("2001:db8:f::11", "2001:db8:1::10").tcp(80).tos(0x12).build();
}  // namespace

TEST_CASE("a probe is wrapped in IPv4: TOS, ID and DF are the inner packet's") {
    const auto encap = program();
    const auto of_ipv4 = run(encap, encap.mark(kIPv4Backend), kIPv4Probe);
    CHECK(of_ipv4.action == TC_ACT_OK);
    CHECK(hex(of_ipv4.frame) == hex(wrapped("02 00 00 00 00 65  02 00 00 00 00 0b  08 00"
                                            "45 12 00 3c  1d 2c 40 00  40 04 09 11"
                                            "0a 00 00 0b  0a 00 00 65",
                                            kIPv4Probe)));
    const auto of_ipv6 = run(encap, encap.mark(kIPv4Backend), kIPv6Probe);
    CHECK(of_ipv6.action == TC_ACT_OK);
    CHECK(hex(of_ipv6.frame) == hex(wrapped("02 00 00 00 00 65  02 00 00 00 00 0b  08 00"
                                            "45 12 00 50  00 00 40 00  40 29 26 04"
                                            "0a 00 00 0b  0a 00 00 65",
                                            kIPv6Probe)));
    CHECK(encap.wrapped(kIPv4Backend) == 2);
    CHECK(encap.wrapped(kIPv6Backend) == 0);
}

TEST_CASE("a probe is wrapped in IPv6, with a flow label of the kernel's") {
    const auto encap = program();
    const auto of_ipv4 = run(encap, encap.mark(kIPv6Backend), kIPv4Probe);
    CHECK(of_ipv4.action == TC_ACT_OK);
    CHECK(hex(without_flow_label(of_ipv4.frame)) ==
          hex(wrapped("02 00 00 00 00 65  02 00 00 00 00 0b  86 dd"
                      "61 20 00 00  00 28 04 40"
                      "20 01 0d b8 00 0f 00 00  00 00 00 00 00 00 00 11"
                      "20 01 0d b8 00 0f 00 00  00 00 00 00 00 00 01 01",
                      kIPv4Probe)));
    const auto of_ipv6 = run(encap, encap.mark(kIPv6Backend), kIPv6Probe);
    CHECK(hex(without_flow_label(of_ipv6.frame)) ==
          hex(wrapped("02 00 00 00 00 65  02 00 00 00 00 0b  86 dd"
                      "61 20 00 00  00 3c 29 40"
                      "20 01 0d b8 00 0f 00 00  00 00 00 00 00 00 00 11"
                      "20 01 0d b8 00 0f 00 00  00 00 00 00 00 00 01 01",
                      kIPv6Probe)));
}

TEST_CASE("a probe is wrapped in GRE as the traffic of its service is") {
    const auto encap = program();
    CHECK(hex(run(encap, encap.mark(kIPv4Gre), kIPv4Probe).frame) ==
          hex(wrapped("02 00 00 00 00 65  02 00 00 00 00 0b  08 00"
                      "45 12 00 40  1d 2c 40 00  40 2f 08 e2"
                      "0a 00 00 0b  0a 00 00 65"
                      "00 00 08 00",
                      kIPv4Probe)));
    CHECK(hex(without_flow_label(run(encap, encap.mark(kIPv6Gre), kIPv6Probe).frame)) ==
          hex(wrapped("02 00 00 00 00 65  02 00 00 00 00 0b  86 dd"
                      "61 20 00 00  00 40 2f 40"
                      "20 01 0d b8 00 0f 00 00  00 00 00 00 00 00 00 11"
                      "20 01 0d b8 00 0f 00 00  00 00 00 00 00 00 01 01"
                      "00 00 86 dd",
                      kIPv6Probe)));
}

TEST_CASE("a probe is wrapped in GUE as the traffic of its service is, from a port of the flow's") {
    const auto encap = program();
    const auto without_port = [](Frame frame, std::size_t place) {
        CHECK(frame.at(place) >= 0xc0);
        frame[place] = frame[place + 1] = 0;
        return frame;
    };
    const auto of_ipv4 = run(encap, encap.mark(kIPv4Gue), kIPv6Probe);
    CHECK(hex(without_port(of_ipv4.frame, 34)) == hex(wrapped("02 00 00 00 00 65  02 00 00 00 00 0b  08 00"
                                                              "45 12 00 5c  00 00 40 00  40 11 26 10"
                                                              "0a 00 00 0b  0a 00 00 65"
                                                              "00 00 17 c0 00 48 00 00  00 29 00 00",
                                                              kIPv6Probe)));
    const auto of_ipv6 = run(encap, encap.mark(kIPv6Gue), kIPv4Probe);
    CHECK(hex(without_port(without_flow_label(of_ipv6.frame), 54)) ==
          hex(wrapped("02 00 00 00 00 65  02 00 00 00 00 0b  86 dd"
                      "61 20 00 00  00 34 11 40"
                      "20 01 0d b8 00 0f 00 00  00 00 00 00 00 00 00 11"
                      "20 01 0d b8 00 0f 00 00  00 00 00 00 00 00 01 01"
                      "00 00 17 c0 00 34 00 00  00 04 00 00",
                      kIPv4Probe)));
}

TEST_CASE("a backend behind another interface is reached through that one") {
    const auto encap = program();
    CHECK(run(encap, encap.mark(kElsewhere), kIPv4Probe).action == TC_ACT_REDIRECT);
}

TEST_CASE("a probe without a next hop is dropped: unwrapped it would speak for another backend") {
    const auto encap = program();
    CHECK(run(encap, encap.mark(kUnresolved), kIPv4Probe).action == TC_ACT_SHOT);
    CHECK(encap.wrapped(kUnresolved) == 0);
}

TEST_CASE("what is not a probe passes untouched: no mark, another mark, an index without a route") {
    const auto encap = program();
    for (const std::uint32_t mark : {0U, 0x68000001U, encap.mark(kRoutes)}) {
        const auto done = run(encap, mark, kIPv4Probe);
        CHECK(done.action == static_cast<std::uint32_t>(TC_ACT_UNSPEC));
        CHECK(hex(done.frame) == hex(kIPv4Probe));
    }
}

namespace {
constexpr std::uint8_t kRst = 0x04, kRstAck = 0x14, kSynAck = 0x12, kFinAck = 0x11;

FrameBuilder to_vip(bool v4) {
    return v4 ? FrameBuilder::ipv4("10.0.0.11", "192.0.2.10")
              : FrameBuilder::ipv6("2001:db8:f::11", "2001:db8:1::10");
}

/// The ICMP error by which a host says that nobody waits for a datagram from the VIP.
Frame refusal(bool v4, std::uint16_t vip_port, std::uint16_t port) {
    const Frame late =
        v4 ? FrameBuilder::ipv4("192.0.2.10", "10.0.0.11").udp(port, vip_port).build()
           : FrameBuilder::ipv6("2001:db8:1::10", "2001:db8:f::11").udp(port, vip_port).build();
    Frame message = bytes(v4 ? "03 03 00 00 00 00 00 00" : "01 04 00 00 00 00 00 00");
    message.insert(message.end(), late.begin() + 14, late.end());
    return to_vip(v4).protocol(v4 ? 1 : 58, message).build();
}

bool is_left_alone(const datapath::TestRun& run, const Frame& frame) {
    return run.action == static_cast<std::uint32_t>(TC_ACT_UNSPEC) && run.frame == frame;
}
}  // namespace

TEST_CASE("the kernel's reset for a probe that is gone goes to the probe's backend, not to a balancer") {
    const auto encap = program();
    for (const bool v4 : {true, false}) {
        const auto backend = v4 ? kIPv4Backend : kIPv6Backend;
        for (const std::uint8_t flags : {kRst, kRstAck}) {
            const auto reset = to_vip(v4).tcp(80, flags, 41000).build();
            const auto other = to_vip(v4).tcp(80, flags, 41001).build();
            CHECK(is_left_alone(run(encap, 0, other), other));
            static_cast<void>(
                run(encap, encap.mark(backend), to_vip(v4).tcp(80, FrameBuilder::kSyn, 41000).build()));
            const auto before = encap.wrapped(backend);
            const auto sent = run(encap, 0, reset);
            CHECK(sent.action == TC_ACT_OK);
            REQUIRE(sent.frame.size() == reset.size() + (v4 ? 20 : 40));
            CHECK(std::equal(reset.begin() + 14, reset.end(), sent.frame.end() - (reset.size() - 14)));
            CHECK(encap.wrapped(backend) == before);  // it says nothing of whether a probe left
            CHECK(is_left_alone(run(encap, 0, other), other));
        }
        // Only a reset is the kernel's own: all else is of a socket, and nobody's probe without a mark.
        for (const std::uint8_t flags : {FrameBuilder::kSyn, FrameBuilder::kAck, kSynAck, kFinAck}) {
            const auto frame = to_vip(v4).tcp(80, flags, 41000).build();
            CHECK(is_left_alone(run(encap, 0, frame), frame));
        }
        const auto elsewhere = to_vip(v4).tcp(81, kRst, 41000).build();
        CHECK(is_left_alone(run(encap, 0, elsewhere), elsewhere));
    }
}

TEST_CASE("the kernel's error about a datagram that came too late for its probe is dropped") {
    const auto encap = program();
    for (const bool v4 : {true, false}) {
        const auto late = refusal(v4, 53, 42000);
        CHECK(is_left_alone(run(encap, 0, late), late));
        static_cast<void>(
            run(encap, encap.mark(v4 ? kIPv4Backend : kIPv6Backend), to_vip(v4).udp(53, 42000).build()));
        CHECK(run(encap, 0, late).action == TC_ACT_SHOT);
        const auto other = refusal(v4, 53, 42001);
        CHECK(is_left_alone(run(encap, 0, other), other));
        const auto datagram = to_vip(v4).udp(53, 42000).build();
        CHECK(is_left_alone(run(encap, 0, datagram), datagram));
    }
}

TEST_CASE("the answer to a probe whose backend has no next hop now is dropped") {
    const auto encap = program();
    static_cast<void>(
        run(encap, encap.mark(kUnresolved), to_vip(true).tcp(80, FrameBuilder::kSyn, 43000).build()));
    CHECK(run(encap, 0, to_vip(true).tcp(80, kRst, 43000).build()).action == TC_ACT_SHOT);
}
