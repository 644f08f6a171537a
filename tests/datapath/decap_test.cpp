// SPDX-License-Identifier: Apache-2.0
#include "datapath/decap.hpp"

#include <memory>

#include "balancer.hpp"
#include "datapath/test_run.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
const datapath::DecapRules kRules{
    .balancers = {{*IpAddress::parse("10.9.9.9"), 32}, {*IpAddress::parse("2001:db8:9:9::9"), 128}},
    .vips = {{*IpAddress::parse("192.0.2.10"), 32}, {*IpAddress::parse("2001:db8:1::10"), 128}},
};

struct Decap {
    datapath::DecapProgram program;

    static Decap load() {
        auto loaded = datapath::DecapProgram::load(kRules, nullptr);
        if (!loaded)
            FAIL(loaded.error().message);
        return {std::move(*loaded)};
    }

    Frame run(const Frame& frame) const {
        const auto done = datapath::test_run(program.fd(), frame);
        REQUIRE(done);
        CHECK(done->action == 2);  // XDP_PASS
        return done->frame;
    }

    std::uint64_t count(abi::decap_verdict verdict) const { return program.counts().value()[verdict]; }
};

/// What a balancer sends for a client's frame, except that the MACs are the balancer's.
Frame with_macs_of(const Frame& outer, Frame inner) {
    std::copy_n(outer.begin(), 12, inner.begin());
    return inner;
}

const char* const kBackends[] = {"10.0.1.11", "2001:db8:2::11"};
}  // namespace

TEST_CASE("the backend unwraps what the balancer wrapped, in all four mixes") {
    const auto decap = Decap::load();
    for (const char* backend : kBackends) {
        for (const char* encapsulation : {"ipip", "gre", "gue"}) {
            const auto replayer =
                balancer(configure(fmt::format("  - {{name: web, listen: ['192.0.2.10:80/tcp', "
                                               "'[2001:db8:1::10]:80/tcp'], encapsulation: {},"
                                               " backends: ['{}']}}\n",
                                               encapsulation, backend)));
            for (const auto& frame : {FrameBuilder::ipv4().tcp(80).payload(7).build(),
                                      FrameBuilder::ipv6().tcp(80).payload(7).build()}) {
                const auto wrapped = run(*replayer, frame).frame;
                CHECK(hex(decap.run(wrapped)) == hex(with_macs_of(wrapped, frame)));
            }
        }
    }
    CHECK(decap.count(abi::DECAP_UNWRAPPED) == 12);
}

TEST_CASE("the backend passes everything else untouched") {
    const auto decap = Decap::load();
    const Frame inner = FrameBuilder::ipv4().tcp(80).build();
    const Frame packet(inner.begin() + 14, inner.end());
    const auto check_untouched = [&](abi::decap_verdict verdict, const Frame& frame) {
        const auto before = decap.count(verdict);
        CHECK(hex(decap.run(frame)) == hex(frame));
        CHECK(decap.count(verdict) == before + 1);
    };
    check_untouched(abi::DECAP_NOT_TUNNELLED, inner);
    check_untouched(abi::DECAP_NOT_TUNNELLED, FrameBuilder::ethernet(0x0806).protocol(0, Frame(28)).build());
    check_untouched(abi::DECAP_UNKNOWN_BALANCER,
                    FrameBuilder::ipv4("10.9.9.8", "10.0.1.11").protocol(4, packet).build());
    check_untouched(
        abi::DECAP_OUTER_FRAGMENT,
        FrameBuilder::ipv4("10.9.9.9", "10.0.1.11").fragment_field(0x2000).protocol(4, packet).build());
    check_untouched(abi::DECAP_MALFORMED,
                    FrameBuilder::ipv4("10.9.9.9", "10.0.1.11").protocol(4, Frame(19)).build());
    check_untouched(abi::DECAP_MALFORMED,
                    FrameBuilder::ipv4("10.9.9.9", "10.0.1.11").protocol(41, packet).build());

    const Frame elsewhere = FrameBuilder::ipv4("198.51.100.7", "192.0.2.99").tcp(80).build();
    check_untouched(abi::DECAP_UNKNOWN_VIP, FrameBuilder::ipv4("10.9.9.9", "10.0.1.11")
                                                .protocol(4, Frame(elsewhere.begin() + 14, elsewhere.end()))
                                                .build());
}

TEST_CASE("a VIP may be a prefix: all of its addresses are unwrapped, and none beside it") {
    const datapath::DecapRules rules{
        .balancers = {{*IpAddress::parse("10.9.9.9"), 32}},
        .vips = {{*IpAddress::parse("192.0.2.64"), 26}, {*IpAddress::parse("2001:db8:1::"), 64}},
    };
    auto loaded = datapath::DecapProgram::load(rules, nullptr);
    REQUIRE(loaded);
    const Decap decap{std::move(*loaded)};
    const auto check = [&](const Frame& inner, abi::decap_verdict verdict) {
        const auto before = decap.count(verdict);
        const Frame wrapped =
            FrameBuilder::ipv4("10.9.9.9", "10.0.1.11")
                .protocol(inner[12] == 0x08 ? 4 : 41, Frame(inner.begin() + 14, inner.end()))
                .build();
        const bool taken = verdict == abi::DECAP_UNWRAPPED;
        CHECK(hex(decap.run(wrapped)) == hex(taken ? with_macs_of(wrapped, inner) : wrapped));
        CHECK(decap.count(verdict) == before + 1);
    };
    const auto v4 = [](const char* vip) { return FrameBuilder::ipv4("198.51.100.7", vip).tcp(80).build(); };
    const auto v6 = [](const char* vip) { return FrameBuilder::ipv6("2001:db8:9::7", vip).tcp(80).build(); };
    for (const char* inside : {"192.0.2.64", "192.0.2.99", "192.0.2.127"})
        check(v4(inside), abi::DECAP_UNWRAPPED);
    for (const char* outside : {"192.0.2.63", "192.0.2.128", "193.0.2.99"})
        check(v4(outside), abi::DECAP_UNKNOWN_VIP);
    for (const char* inside : {"2001:db8:1::", "2001:db8:1::ffff:ffff:ffff:ffff", "2001:db8:1:0:1::7"})
        check(v6(inside), abi::DECAP_UNWRAPPED);
    for (const char* outside : {"2001:db8:1:1::", "2001:db8::ffff:ffff:ffff:ffff", "::c000:263"})
        check(v6(outside), abi::DECAP_UNKNOWN_VIP);
}

TEST_CASE("rules are added before others are taken away, and what somebody changed comes back") {
    const auto prefix = [](const char* address, std::uint8_t length) {
        return config::Prefix{*IpAddress::parse(address), length};
    };
    const datapath::DecapRules before{{prefix("10.9.9.9", 32)}, {prefix("192.0.2.10", 32)}};
    const datapath::DecapRules after{{prefix("10.9.9.0", 24)}, {prefix("192.0.2.0", 24)}};
    auto loaded = datapath::DecapProgram::load(before, nullptr);
    REQUIRE(loaded);
    const Decap decap{std::move(*loaded)};
    const auto unwraps = [&](const char* balancer, const char* vip) {
        const Frame inner = FrameBuilder::ipv4("198.51.100.7", vip).tcp(80).build();
        const Frame wrapped = FrameBuilder::ipv4(balancer, "10.0.1.11")
                                  .protocol(4, Frame(inner.begin() + 14, inner.end()))
                                  .build();
        return hex(decap.run(wrapped)) == hex(with_macs_of(wrapped, inner));
    };
    REQUIRE(decap.program.add(after));
    CHECK(unwraps("10.9.9.9", "192.0.2.10"));
    CHECK(unwraps("10.9.9.8", "192.0.2.99"));
    decap.program.keep_only(before);
    CHECK(unwraps("10.9.9.9", "192.0.2.10"));
    CHECK_FALSE(unwraps("10.9.9.8", "192.0.2.10"));
    CHECK_FALSE(unwraps("10.9.9.9", "192.0.2.99"));
}

TEST_CASE("GRE and GUE with options that no balancer sends, and UDP of others, are passed") {
    const auto decap = Decap::load();
    const auto check_passed = [&](std::uint8_t protocol, const char* shim) {
        auto contents = bytes(shim);
        const Frame inner = FrameBuilder::ipv4().tcp(80).build();
        contents.insert(contents.end(), inner.begin() + 14, inner.end());
        const auto frame = FrameBuilder::ipv4("10.9.9.9", "10.0.1.11").protocol(protocol, contents).build();
        CHECK(hex(decap.run(frame)) == hex(frame));
    };
    check_passed(47, "20 00 08 00 00 00 00 07");
    check_passed(47, "00 00 65 58");
    check_passed(17, "e5 b1 17 c1 00 38 00 00 00 04 00 00");
    check_passed(17, "e5 b1 17 c0 00 38 00 00 01 04 00 00");
    check_passed(17, "e5 b1 17 c0 00 38 00 00 00 06 00 00");
    CHECK(decap.count(abi::DECAP_NOT_TUNNELLED) == 4);
    CHECK(decap.count(abi::DECAP_BAD_CHANCE) == 1);
}

TEST_CASE("congestion marks of the underlay are handed on as RFC 6040 has it") {
    const auto decap = Decap::load();
    struct Case {
        std::uint8_t outer, inner, after;
    };
    const auto wrapped = [](std::uint8_t outer, const Frame& inner) {
        return FrameBuilder::ipv4("10.9.9.9", "10.0.1.11")
            .tos(outer)
            .protocol(inner[12] == 0x08 ? 4 : 41, Frame(inner.begin() + 14, inner.end()))
            .build();
    };
    const auto v4 = [](std::uint8_t tos) { return FrameBuilder::ipv4().tos(tos).tcp(80).build(); };
    const auto v6 = [](std::uint8_t tos) { return FrameBuilder::ipv6().tos(tos).tcp(80).build(); };
    for (const auto& [outer, inner, after] : {Case{0, 0, 0},
                                              {1, 0, 0},
                                              {2, 0, 0},
                                              {0, 1, 1},
                                              {1, 1, 1},
                                              {2, 1, 1},
                                              {3, 1, 3},
                                              {0, 2, 2},
                                              {1, 2, 1},
                                              {2, 2, 2},
                                              {3, 2, 3},
                                              {0, 3, 3},
                                              {1, 3, 3},
                                              {2, 3, 3},
                                              {3, 3, 3}}) {
        const auto dscp = [](std::uint8_t ecn) { return static_cast<std::uint8_t>(0x28 | ecn); };
        CHECK(hex(decap.run(wrapped(outer, v4(dscp(inner))))) == hex(v4(dscp(after))));
        CHECK(hex(decap.run(wrapped(outer, v6(dscp(inner))))) == hex(v6(dscp(after))));
    }
    for (const auto& inner : {v4(0x28), v6(0x28)}) {
        const auto done = datapath::test_run(decap.program.fd(), wrapped(3, inner));
        REQUIRE(done);
        CHECK(done->action == 1);  // XDP_DROP
    }
    CHECK(decap.count(abi::DECAP_CONGESTED) == 2);
}
