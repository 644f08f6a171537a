// SPDX-License-Identifier: Apache-2.0
#include "balancer.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
const std::string kServices =
    "  - {name: web, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:80/tcp'], backends: [10.0.1.11]}\n";

constexpr const char* kElsewhere = "192.0.2.99";
constexpr const char* kElsewhere6 = "2001:db8:1::99";

/// For a VIP a malformed frame is dropped under its verdict; the same frame for another host is passed
/// untouched.
void check_dropped(const std::string& verdict, FrameBuilder (*frame_to)(bool vip)) {
    const auto replayer = balancer(configure(kServices));
    const auto dropped = run(*replayer, frame_to(true).build());
    CHECK(datapath::verdict_name(dropped.verdict) == verdict);
    CHECK(datapath::verdict_action(dropped.verdict) == "drop");

    const auto frame = frame_to(false).build();
    const auto passed = run(*replayer, frame);
    CHECK(datapath::verdict_name(passed.verdict) == "not_vip");
    CHECK(datapath::verdict_action(passed.verdict) == "pass");
    CHECK(hex(passed.frame) == hex(frame));
}

FrameBuilder v4(bool vip) {
    return FrameBuilder::ipv4("198.51.100.7", vip ? "192.0.2.10" : kElsewhere);
}

FrameBuilder v6(bool vip) {
    return FrameBuilder::ipv6("2001:db8:9::7", vip ? "2001:db8:1::10" : kElsewhere6);
}
}  // namespace

TEST_CASE("what is not for a VIP is passed untouched") {
    const auto replayer = balancer(configure(kServices));
    const auto check_passed = [&](const std::string& verdict, const Frame& frame) {
        const auto outcome = run(*replayer, frame);
        CHECK(datapath::verdict_name(outcome.verdict) == verdict);
        CHECK(datapath::verdict_action(outcome.verdict) == "pass");
        CHECK(hex(outcome.frame) == hex(frame));
    };
    check_passed("not_vip", v4(false).tcp(80).build());
    check_passed("not_vip", v4(false).tcp(80).padding(30).build());
    check_passed("not_vip", v6(false).udp(80).build());
    check_passed("not_vip", v4(false).protocol(47, Frame(20)).build());
    check_passed("not_vip", FrameBuilder::ipv6("2001:db8:9::7", "::ffff:192.0.2.10").tcp(80).build());
    check_passed("not_vip", FrameBuilder::ipv4("192.0.2.10", "198.51.100.7").tcp(80).build());
    check_passed("not_ip", FrameBuilder::ethernet(0x0806).protocol(0, Frame(28)).build());
    check_passed("not_ip", FrameBuilder::ethernet(0x88cc).build());
}

TEST_CASE("a frame whose destination cannot be read is passed") {
    const auto replayer = balancer(configure(kServices));
    CHECK(verdict_of(*replayer, Frame(13)) == "too_short");
    CHECK(verdict_of(*replayer, v4(true).tcp(80).cut(14).build()) == "too_short");
    CHECK(verdict_of(*replayer, v4(true).tcp(80).cut(14 + 19).build()) == "too_short");
    CHECK(verdict_of(*replayer, v6(true).tcp(80).cut(14 + 39).build()) == "too_short");
}

TEST_CASE("a version that contradicts the Ethernet type") {
    check_dropped("bad_version", [](bool vip) { return v4(vip).tcp(80).version(6); });
    check_dropped("bad_version", [](bool vip) { return v6(vip).tcp(80).version(4); });
}

TEST_CASE("an IPv4 header length below 20 bytes or beyond the frame") {
    check_dropped("bad_header_length", [](bool vip) { return v4(vip).tcp(80).header_words(4); });
    check_dropped("bad_header_length", [](bool vip) { return v4(vip).tcp(80).header_words(15); });
}

TEST_CASE("a total length beyond the frame or below the header") {
    check_dropped("bad_total_length", [](bool vip) { return v4(vip).tcp(80).total_length(+1); });
    check_dropped("bad_total_length", [](bool vip) { return v4(vip).tcp(80).total_length(-21); });
    check_dropped("bad_total_length", [](bool vip) { return v4(vip).tcp(80).payload(100).cut(100); });
    check_dropped("bad_total_length", [](bool vip) { return v6(vip).tcp(80).total_length(+1); });
}

TEST_CASE("ports cut off") {
    check_dropped("bad_transport_header", [](bool vip) { return v4(vip).tcp(80).total_length(-17); });
    check_dropped("bad_transport_header", [](bool vip) { return v4(vip).tcp(80).total_length(-1); });
    check_dropped("bad_transport_header", [](bool vip) { return v4(vip).udp(80).total_length(-1); });
    check_dropped("bad_transport_header", [](bool vip) { return v6(vip).tcp(80).total_length(-17); });
    check_dropped("bad_transport_header", [](bool vip) { return v6(vip).udp(80).total_length(-8); });
}

TEST_CASE("IPv6 extension headers cut off, or too many") {
    check_dropped("bad_extension_headers",
                  [](bool vip) { return v6(vip).extension(0, bytes("00 09 00 00 00 00 00 00")).tcp(80); });
    check_dropped("bad_extension_headers",
                  [](bool vip) { return v6(vip).protocol(60, bytes("06 00 00 00")); });
    check_dropped("bad_extension_headers", [](bool vip) {
        auto frame = v6(vip);
        for (int i = 0; i < 9; ++i)
            frame.extension(60, bytes("00 00 01 04 00 00 00 00"));
        return frame.tcp(80);
    });
}

TEST_CASE("a fragment whose first one was not seen") {
    check_dropped("fragment", [](bool vip) { return v4(vip).tcp(80).fragment_field(0x0010); });
    check_dropped("fragment",
                  [](bool vip) { return v6(vip).extension(44, bytes("00 00 00 40 12 34 56 78")).tcp(80); });
}

TEST_CASE("protocols that no listener can have") {
    check_dropped("icmp", [](bool vip) { return v4(vip).protocol(1, bytes("05 00 00 00 00 00 00 00")); });
    check_dropped("icmp", [](bool vip) { return v6(vip).protocol(58, bytes("87 00 00 00 00 00 00 00")); });
    check_dropped("unknown_protocol", [](bool vip) { return v4(vip).protocol(58, Frame(8)); });
    check_dropped("unknown_protocol", [](bool vip) { return v4(vip).protocol(132, Frame(20)); });
    check_dropped("unknown_protocol", [](bool vip) { return v6(vip).protocol(59, {}); });
}

TEST_CASE("a port of a VIP on which nobody listens") {
    const auto replayer = balancer(configure(kServices));
    CHECK(verdict_of(*replayer, v4(true).tcp(81).build()) == "no_listener");
    CHECK(verdict_of(*replayer, v4(true).udp(80).build()) == "no_listener");
    CHECK(verdict_of(*replayer, v6(true).udp(80).build()) == "no_listener");
}

TEST_CASE("as many IPv6 extension headers as are followed") {
    const auto replayer = balancer(configure(kServices));
    auto frame = v6(true);
    for (int i = 0; i < 8; ++i)
        frame.extension(60, bytes("00 00 01 04 00 00 00 00"));
    CHECK(verdict_of(*replayer, frame.tcp(80).build()) == "forwarded");
}

TEST_CASE("a packet whose length an outer header could not say") {
    const auto replayer = balancer(configure(kServices));
    CHECK(verdict_of(*replayer, v4(true).tcp(80).payload(65515 - 40).build()) == "forwarded");
    CHECK(verdict_of(*replayer, v4(true).tcp(80).payload(65516 - 40).build()) == "too_long");
}
