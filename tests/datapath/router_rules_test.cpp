// SPDX-License-Identifier: Apache-2.0
/// What a router owes: docs/router-rules.md lists each rule with its section and its test here.
#include <set>

#include "balancer.hpp"
#include "datapath/counters.hpp"
#include "datapath/datapath.hpp"
#include "datapath/test_run.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
const std::string kServices =
    "  - {name: web, listen: ['192.0.2.10:80/tcp', '192.0.2.10:53/udp', '[2001:db8:1::10]:80/tcp',"
    " '[2001:db8:1::10]:53/udp'], allow: [0.0.0.0/0, '::/0'], deny: [198.18.0.0/15], "
    "backends: [{address: 10.0.1.11, mtu: 1500}]}\n"
    "  - {name: other, listen: ['192.0.2.11:80/tcp', '[2001:db8:1::11]:80/tcp'], backends: [10.0.1.12]}\n";

constexpr const char* kVip = "192.0.2.10";
constexpr const char* kVip6 = "2001:db8:1::10";
const std::string kPing = "08 00 7b 43 12 34 56 78 00 01 02 03 04 05 06 07 08";
const std::string kPing6 = "80 00 a7 64 12 34 56 78 00 01 02 03 04 05 06 07 08";

FrameBuilder ping4(const char* source = "198.51.100.7") {
    return FrameBuilder::ipv4(source, kVip).protocol(1, bytes(kPing));
}
FrameBuilder ping6(const char* source = "2001:db8:9::7") {
    return FrameBuilder::ipv6(source, kVip6).protocol(58, bytes(kPing6));
}

/// A program with a service whose answers and errors are limited to so many a CPU.
struct Limited {
    explicit Limited(datapath::ProgramConstants constants)
        : config(configure(kServices)),
          program(load(std::move(constants))),
          maps(maps_of(program)),
          reconciler(maps) {
        REQUIRE(reconciler.apply(control::desired_state(config),
                                 [&](const control::DesiredBackend& backend) {
                                     return control::replayed_next_hop(config.datapath, backend);
                                 },
                                 {}));
    }

    datapath::Program load(datapath::ProgramConstants constants) const {
        constants.hash_key = config.hash_key;
        constants.record_decisions = true;
        auto loaded = datapath::Program::load(datapath::geometry_of(config.datapath), constants, nullptr);
        if (!loaded)
            FAIL(loaded.error().message);
        return std::move(*loaded);
    }

    static datapath::Maps maps_of(const datapath::Program& program) { return program.maps().value(); }

    [[nodiscard]] std::string verdict_of(const Frame& frame) const {
        REQUIRE(datapath::test_run(program.fd(), frame));
        return std::string(
            datapath::verdict_name(static_cast<abi::verdict>(program.last_decision()->verdict)));
    }

    config::Config config;
    datapath::Program program;
    datapath::Maps maps;
    control::Reconciler reconciler;
};
}  // namespace

TEST_CASE("a source that no client can have is dropped before any filter, and counted") {
    const auto replayer = balancer(configure(kServices));
    const char* impossible4[] = {"0.0.0.0",         "0.1.2.3",       "127.0.0.1",
                                 "127.255.255.255", "224.0.0.1",     "239.255.255.255",
                                 "255.255.255.255", "169.254.10.20", kVip};
    std::uint64_t counted = 0;
    for (const auto* source : impossible4) {
        INFO(source);
        CHECK(verdict_of(*replayer, FrameBuilder::ipv4(source).tcp(80, 2).build()) == "impossible_source");
        CHECK(verdict_of(*replayer, FrameBuilder::ipv4(source).udp(53).build()) == "impossible_source");
        CHECK(verdict_of(*replayer, FrameBuilder::ipv4(source).udp(9).build()) == "impossible_source");
        CHECK(verdict_of(*replayer, ping4(source).build()) == "impossible_source");
        counted += 4;
    }
    const char* impossible6[] = {
        "::",      "::1", "::ffff:198.51.100.7", "::ffff:0.0.0.0", "ff02::1", "ff0e::1", "fe80::1",
        "febf::1", kVip6};
    for (const auto* source : impossible6) {
        INFO(source);
        CHECK(verdict_of(*replayer, FrameBuilder::ipv6(source).tcp(80, 2).build()) == "impossible_source");
        CHECK(verdict_of(*replayer, FrameBuilder::ipv6(source).udp(53).build()) == "impossible_source");
        CHECK(verdict_of(*replayer, ping6(source).build()) == "impossible_source");
        CHECK(
            verdict_of(
                *replayer,
                FrameBuilder::ipv6(source).extension(60, bytes("00 00 01 04 00 00 00 00")).udp(53).build()) ==
            "impossible_source");
        counted += 4;
    }
    const auto counts = datapath::verdict_counts(replayer->maps());
    CHECK(counts->at(abi::VERDICT_IMPOSSIBLE_SOURCE).packets == counted);
    CHECK(datapath::service_counters(replayer->maps(), 1)->traffic.packets == 0);
}

TEST_CASE("a source that only looks impossible is served") {
    const auto replayer = balancer(configure(kServices));
    for (const char* source :
         {"1.0.0.1", "126.255.255.255", "128.0.0.1", "169.253.1.1", "169.255.1.1", "223.255.255.255",
          "240.0.0.1", "255.255.255.254", "192.0.2.11", "10.0.1.11"}) {
        INFO(source);
        CHECK(verdict_of(*replayer, FrameBuilder::ipv4(source).tcp(80).build()) == "forwarded");
    }
    for (const char* source : {"::2", "64:ff9b::c000:201", "fd00::1", "fec0::1", "2002:c000:201::1",
                               "2001:db8:9::10", "3fff:ffff::1", "2001:db8:1::11"}) {
        INFO(source);
        CHECK(verdict_of(*replayer, FrameBuilder::ipv6(source).tcp(80).build()) == "forwarded");
    }
}

TEST_CASE("a source that no client can have is the host's affair if it is for no VIP") {
    const auto replayer = balancer(configure(kServices));
    const auto dhcp =
        FrameBuilder::ipv4("0.0.0.0", "255.255.255.255").udp(67).to("ff ff ff ff ff ff").build();
    CHECK(verdict_of(*replayer, dhcp) == "not_vip");
    CHECK(
        verdict_of(*replayer, FrameBuilder::ipv6("::", "ff02::1:ff00:10").protocol(58, Frame(24)).build()) ==
        "not_vip");
}

TEST_CASE("TTL and hop limit 0 are dropped; 1 is delivered, and stays 1") {
    const auto replayer = balancer(configure(kServices));
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(80).ttl(0).build()) == "ttl_zero");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv6().tcp(80).ttl(0).build()) == "ttl_zero");
    CHECK(verdict_of(*replayer, ping4().ttl(0).build()) == "ttl_zero");
    CHECK(verdict_of(*replayer, ping6().ttl(0).build()) == "ttl_zero");
    for (const auto& frame :
         {FrameBuilder::ipv4().tcp(80).ttl(1).build(), FrameBuilder::ipv6().tcp(80).ttl(1).build()}) {
        const auto sent = run(*replayer, frame);
        CHECK(datapath::verdict_name(sent.verdict) == "forwarded");
        CHECK(std::equal(frame.begin() + 14, frame.end(), sent.frame.begin() + 34));
    }
}

TEST_CASE("source routes are dropped, other options are not") {
    const auto replayer = balancer(configure(kServices));
    const auto with = [&](const char* options) {
        return verdict_of(*replayer, FrameBuilder::ipv4().tcp(80).options(bytes(options)).build());
    };
    CHECK(with("83 07 04 0a 00 00 01 00") == "source_routed");              // loose
    CHECK(with("89 07 04 0a 00 00 01 00") == "source_routed");              // strict
    CHECK(with("01 01 94 04 00 00 83 03 04 00 00 00") == "source_routed");  // behind others
    CHECK(with("07 07 04 00 00 00 00 00") == "forwarded");                  // record route
    CHECK(with("44 08 05 00 00 00 00 00") == "forwarded");                  // timestamp
    CHECK(with("94 04 00 00") == "forwarded");                              // router alert
    CHECK(with("00 83 03 04") == "forwarded");                              // behind their end
    CHECK(with("07 08 04 83 00 00 00 00") == "forwarded");                  // a byte that looks like one
    CHECK(with("94 05 00 00") == "bad_options");
    CHECK(with("94 01 00 00") == "bad_options");
    CHECK(with("94 00 00 00") == "bad_options");
    CHECK(with("01 01 01 94") == "bad_options");
    CHECK(verdict_of(*replayer, ping4().options(bytes("83 07 04 0a 00 00 01 00")).build()) ==
          "source_routed");
}

TEST_CASE("a routing header of type 0, or that leads on, is dropped; another is not") {
    const auto replayer = balancer(configure(kServices));
    const auto with = [&](const char* header) {
        return verdict_of(*replayer, FrameBuilder::ipv6().extension(43, bytes(header)).tcp(80).build());
    };
    const std::string address = " 2001 0db8 0001 0000 0000 0000 0000 0011";
    CHECK(with(("00 02 00 01 00 00 00 00" + address).c_str()) == "source_routed");
    CHECK(with(("00 02 00 00 00 00 00 00" + address).c_str()) == "source_routed");
    CHECK(with(("00 02 04 01 00 00 00 00" + address).c_str()) == "source_routed");
    CHECK(with(("00 02 02 01 00 00 00 00" + address).c_str()) == "source_routed");
    CHECK(with(("00 02 04 00 00 00 00 00" + address).c_str()) == "forwarded");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv6()
                                    .extension(60, bytes("00 00 01 04 00 00 00 00"))
                                    .extension(43, bytes("00 02 00 01 00 00 00 00" + address))
                                    .udp(53)
                                    .build()) == "source_routed");
}

TEST_CASE("a TCP data offset below 5, or beyond the segment") {
    const auto replayer = balancer(configure(kServices));
    for (std::uint8_t words = 0; words < 16; ++words) {
        INFO(int{words});
        const auto wanted = words == 5 || words == 6 ? "forwarded" : "bad_transport_header";
        CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(80).data_offset(words).payload(4).build()) ==
              wanted);
        CHECK(verdict_of(*replayer, FrameBuilder::ipv6().tcp(80).data_offset(words).payload(4).build()) ==
              wanted);
    }
    // The options of a first fragment may be in the next one.
    CHECK(verdict_of(*replayer,
                     FrameBuilder::ipv4().tcp(80).data_offset(8).payload(4).fragment_field(0x2000).build()) ==
          "forwarded");
    CHECK(verdict_of(*replayer,
                     FrameBuilder::ipv4().tcp(80).data_offset(4).payload(4).fragment_field(0x2000).build()) ==
          "bad_transport_header");
}

TEST_CASE("a frame that is not for this host alone is passed untouched, and leaves no trace") {
    auto services = kServices;
    services.replace(services.find("allow"), 0, "tracking: always, ");
    const auto replayer = balancer(configure(services, ", answer_closed: true"));
    const std::vector<std::pair<const char*, FrameBuilder>> packets{
        {"TCP", FrameBuilder::ipv4().tcp(80, 2)},
        {"IPv6", FrameBuilder::ipv6().tcp(80, 2)},
        {"a fragment", FrameBuilder::ipv4().udp(53).fragment_field(0x2000)},
        {"echo", ping4()},
        {"echo over IPv6", ping6()},
        {"too big", FrameBuilder::ipv4().tcp(80).payload(1460)},
        {"nobody listens", FrameBuilder::ipv4().udp(9)},
        {"malformed", FrameBuilder::ipv4().tcp(80).version(6)},
        {"denied", FrameBuilder::ipv4("198.18.0.1").tcp(80)},
        {"impossible", FrameBuilder::ipv4("127.0.0.1").tcp(80)}};
    for (const auto& [name, packet] : packets) {
        for (const char* mac : {"ff ff ff ff ff ff", "01 00 5e 00 00 01", "33 33 00 00 00 01"}) {
            INFO(name << " to " << mac);
            const auto frame = FrameBuilder(packet).to(mac).build();
            const auto outcome = run(*replayer, frame);
            CHECK(datapath::verdict_name(outcome.verdict) == "other_host");
            CHECK(datapath::verdict_action(outcome.verdict) == "pass");
            CHECK(hex(outcome.frame) == hex(frame));
            CHECK(outcome.service == std::nullopt);
            CHECK(outcome.backend == std::nullopt);
        }
    }
    datapath::FlowScan flows(replayer->maps());
    CHECK(flows.next()->empty());
    CHECK(datapath::service_counters(replayer->maps(), 1)->traffic.packets == 0);
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().protocol(17, Frame(8)).fragment_field(5).build()) ==
          "fragment");
}

TEST_CASE("a program that carries traffic serves frames to this host's MAC addresses, and no others") {
    Limited balancer({});
    const auto frame = [](const char* mac) { return FrameBuilder::ipv4().tcp(80).to(mac).build(); };
    // The replayed next hop leaves from 02:00:00:00:00:02: frames to that are plainly for this host.
    CHECK(balancer.verdict_of(frame("02 00 00 00 00 02")) == "forwarded");
    CHECK(balancer.verdict_of(frame("02 00 00 00 00 aa")) == "other_host");
    CHECK(balancer.verdict_of(ping4().build()) == "other_host");
    CHECK(balancer.verdict_of(FrameBuilder::ipv4().tcp(81).build()) == "other_host");

    const auto aa = *MacAddress::parse("02:00:00:00:00:aa");
    REQUIRE(balancer.program.set_link_addresses({{1, {aa}}, {7, {*MacAddress::parse("02:00:00:00:00:bb")}}}));
    CHECK(balancer.verdict_of(frame("02 00 00 00 00 aa")) == "forwarded");
    CHECK(balancer.verdict_of(ping4().build()) == "echo_answered");
    CHECK(balancer.verdict_of(FrameBuilder::ipv4().tcp(81).build()) == "no_listener");
    CHECK(balancer.verdict_of(frame("02 00 00 00 00 bb")) == "other_host");  // another interface's

    REQUIRE(balancer.program.set_link_addresses({{1, {*MacAddress::parse("02:00:00:00:00:cc")}}}));
    CHECK(balancer.verdict_of(frame("02 00 00 00 00 aa")) == "other_host");
    CHECK(balancer.verdict_of(frame("02 00 00 00 00 cc")) == "forwarded");
}

TEST_CASE("neighbour discovery and other control of the link are the host's, for VIPs too") {
    const auto replayer = balancer(configure(kServices));
    const auto target = " 2001 0db8 0001 0000 0000 0000 0000 0010 01 01 02 00 00 00 00 09";
    const auto verdict = [&](const char* source, const std::string& message, std::uint8_t hop_limit,
                             const char* destination = kVip6) {
        const auto frame =
            FrameBuilder::ipv6(source, destination).protocol(58, bytes(message)).ttl(hop_limit).build();
        const auto outcome = run(*replayer, frame);
        if (datapath::verdict_action(outcome.verdict) == "pass")
            CHECK(hex(outcome.frame) == hex(frame));
        return std::string(datapath::verdict_name(outcome.verdict));
    };
    const auto solicitation = std::string("87 00 00 00 00 00 00 00") + target;
    const auto advertisement = std::string("88 00 00 00 60 00 00 00") + target;
    CHECK(verdict("fe80::1", solicitation, 255) == "link_control");
    CHECK(verdict("2001:db8:1::1", solicitation, 255) == "link_control");
    CHECK(verdict("2001:db8:1::1", advertisement, 255) == "link_control");
    CHECK(verdict("fe80::1", "86 00 00 00 40 00 07 08 00000000 00000000", 255) == "link_control");
    CHECK(verdict("fe80::1", "82 00 00 00 00 00 00 00", 1) == "link_control");  // a listener query
    CHECK(verdict("fe80::1", solicitation, 255, "2001:db8:1::99") == "not_vip");

    // What a router has sent on is none, nor what no host may send.
    CHECK(verdict("2001:db8:1::1", solicitation, 64) == "icmp");
    CHECK(verdict("2001:db8:1::1", solicitation, 254) == "icmp");
    CHECK(verdict("fe80::1", solicitation, 254) == "impossible_source");
    CHECK(verdict("::", solicitation, 255) == "impossible_source");
    CHECK(verdict("2001:db8:1::1", "82 00 00 00 00 00 00 00", 1) == "icmp");
    CHECK(verdict("fe80::1", kPing6, 255) == "impossible_source");
}

TEST_CASE("nothing is answered whose IPv4 header is damaged; forwarded it is, for the backend to judge") {
    const auto replayer = balancer(configure(kServices, ", answer_closed: true"));
    CHECK(verdict_of(*replayer, ping4().break_checksum().build()) == "bad_checksum");
    CHECK(verdict_of(*replayer, ping4().options(bytes("94 04 00 00")).break_checksum().build()) ==
          "bad_checksum");
    CHECK(verdict_of(*replayer, ping4().options(bytes("94 04 00 00")).build()) == "echo_answered");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(80).payload(1460).break_checksum().build()) ==
          "bad_checksum");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().udp(9).break_checksum().build()) == "bad_checksum");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(80).break_checksum().build()) == "forwarded");
}

TEST_CASE("no VIP is answered, as it would answer in turn") {
    const auto replayer = balancer(configure(kServices, ", answer_closed: true"));
    CHECK(verdict_of(*replayer, ping4("192.0.2.11").build()) == "echo_unanswered");
    CHECK(verdict_of(*replayer, ping6("2001:db8:1::11").build()) == "echo_unanswered");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4("192.0.2.11").udp(9).build()) == "no_listener");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4("192.0.2.11").tcp(80).payload(1460).build()) ==
          "too_big_unanswered");
}

TEST_CASE("UDP to a port on which nobody listens is answered if that is asked for") {
    const auto closed = FrameBuilder::ipv4().udp(33434).payload(7).build();
    const auto closed6 = FrameBuilder::ipv6().udp(33434).payload(7).build();
    const auto quiet = balancer(configure(kServices));
    CHECK(verdict_of(*quiet, closed) == "no_listener");
    CHECK(verdict_of(*quiet, closed6) == "no_listener");

    const auto replayer = balancer(configure(kServices, ", answer_closed: true"));
    const auto answer = run(*replayer, closed);
    CHECK(datapath::verdict_name(answer.verdict) == "closed_answered");
    CHECK(datapath::verdict_action(answer.verdict) == "tx");
    CHECK(answer.backend == std::nullopt);
    // Type 3, code 3, from the VIP, about the packet but for what does not fill 4 bytes.
    CHECK(hex(answer.frame) == hex(bytes(R"(
        02 00 00 00 00 bb  02 00 00 00 00 aa  08 00
        45 00 00 3c 00 00 40 00 40 01 4e 7c c0 00 02 0a c6 33 64 07
        03 03 73 84 00 00 00 00
        45 00 00 23 1d 2c 40 00 3f 11 32 59 c6 33 64 07 c0 00 02 0a
        04 d2 82 9a 00 08 00 00 00 01 02 03)")));
    const auto answer6 = run(*replayer, closed6);
    CHECK(hex(answer6.frame) == hex(bytes(R"(
        02 00 00 00 00 bb  02 00 00 00 00 aa  86 dd
        60 00 00 00 00 3c 3a 40
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10
        20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07
        01 04 81 99 00 00 00 00
        60 00 ca fe 00 0f 11 3f
        20 01 0d b8 00 09 00 00 00 00 00 00 00 00 00 07
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 10
        04 d2 82 9a 00 08 00 00 00 01 02 03)")));

    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().tcp(81).build()) == "no_listener");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4("198.51.100.7", "192.0.2.99").udp(9).build()) ==
          "not_vip");
    // An ICMP error about such a port is no reason for another.
    CHECK(verdict_of(*replayer,
                     FrameBuilder::ipv4("203.0.113.1")
                         .protocol(1, bytes("03 03 00 00 00 00 00 00"
                                            "45 00 00 40 00 00 00 00 40 11 00 00 c0 00 02 0a c6 33 64 07"
                                            "00 09 04 d2 00 2c 00 00"))
                         .build()) == "no_listener");
}

TEST_CASE("answers are limited all together, and no more than half of them are asked for") {
    const Limited balancer({.any_unicast_is_own = true, .answers_per_window = 8});
    const auto big = FrameBuilder::ipv4().tcp(80).payload(1460).build();
    int pings = 0, others = 0;
    // Every CPU counts for itself, and windows pass.
    for (int i = 0; i < 1000; ++i)
        pings += balancer.verdict_of(ping4().build()) == "echo_answered" ? 1 : 0;
    for (int i = 0; i < 1000; ++i)
        others += balancer.verdict_of(big) == "too_big_answered" ? 1 : 0;
    CHECK(pings > 0);
    CHECK(pings < 500);
    CHECK(others < 500);

    const Limited silent({.any_unicast_is_own = true, .answers_per_window = 0});
    CHECK(silent.verdict_of(ping4().build()) == "echo_unanswered");
    CHECK(silent.verdict_of(ping6().build()) == "echo_unanswered");
    CHECK(silent.verdict_of(big) == "too_big_unanswered");
    const Limited one({.any_unicast_is_own = true, .answers_per_window = 1});
    CHECK(one.verdict_of(ping4().build()) == "echo_unanswered");
}

TEST_CASE("an ICMP error is refused from a sender who is denied, and without limit from nobody") {
    const auto error = [](const char* source, const char* client = "c6 33 64 07") {
        return FrameBuilder::ipv4(source)
            .protocol(1, bytes(std::string("03 04 00 00 00 00 05 78"
                                           "45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a") +
                               client + "00 50 04 d2 11 22 33 44"))
            .build();
    };
    const auto replayer = balancer(configure(kServices));
    CHECK(verdict_of(*replayer, error("203.0.113.1")) == "forwarded");
    CHECK(verdict_of(*replayer, error("198.18.0.1")) == "client_denied");
    CHECK(verdict_of(*replayer, error("203.0.113.1", "c6 12 00 07")) == "client_denied");
    // `allow` is about clients: a router anywhere may have to send an error.
    const auto few = balancer(configure(
        "  - {name: web, listen: ['192.0.2.10:80/tcp'], allow: [198.51.100.0/24], backends: [10.0.1.11]}\n"));
    CHECK(verdict_of(*few, error("203.0.113.1")) == "forwarded");
    CHECK(verdict_of(*few, error("203.0.113.1", "cb 00 71 07")) == "client_denied");

    const Limited limited({.any_unicast_is_own = true, .errors_per_window = 0});
    CHECK(limited.verdict_of(error("203.0.113.1")) == "icmp_error_limited");
    CHECK(limited.verdict_of(FrameBuilder::ipv4().tcp(80).build()) == "forwarded");
}

TEST_CASE("each service has its own share of ICMP errors") {
    const Limited balancer({.any_unicast_is_own = true, .errors_per_window = 1});
    const auto error = [](const char* vip) {
        return FrameBuilder::ipv4("203.0.113.1", vip)
            .protocol(1, bytes(std::string("03 04 00 00 00 00 05 78"
                                           "45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 ") +
                               (std::string_view(vip).ends_with("10") ? "0a" : "0b") +
                               "c6 33 64 07 00 50 04 d2 11 22 33 44"))
            .build();
    };
    int limited = 0;
    for (int i = 0; i < 200; ++i)
        limited += balancer.verdict_of(error("192.0.2.10")) == "icmp_error_limited" ? 1 : 0;
    CHECK(limited > 0);
    CHECK(balancer.verdict_of(error("192.0.2.11")) == "forwarded");
}

TEST_CASE("an ICMP error that is longer than one may be, or quotes what cannot have been") {
    const auto replayer = balancer(configure(kServices));
    const std::string head = "03 04 00 00 00 00 05 78";
    const auto error = [&](const std::string& quoted, std::size_t size = 0) {
        auto message = bytes(head + quoted);
        message.resize(std::max(message.size(), size));
        return verdict_of(*replayer, FrameBuilder::ipv4("203.0.113.1").protocol(1, message).build());
    };
    const std::string end = " 00 50 04 d2 11 22 33 44";
    const std::string plain = "45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a c6 33 64 07" + end;
    CHECK(error(plain, 576 - 20) == "forwarded");
    CHECK(error(plain, 577 - 20) == "bad_icmp_error");
    CHECK(error("45 00 00 1b 00 00 40 00 40 06 00 00 c0 00 02 0a c6 33 64 07" + end) == "bad_icmp_error");
    CHECK(error("45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a 7f 00 00 01" + end) == "bad_icmp_error");
    CHECK(error("45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a e0 00 00 01" + end) == "bad_icmp_error");
    CHECK(error("45 00 05 dc 00 00 40 00 40 06 00 00 c0 00 02 0a c0 00 02 0a" + end) == "bad_icmp_error");

    const auto error6 = [&](const std::string& client, std::size_t size = 0, const char* length = "05 a8") {
        auto message = bytes(std::string("02 00 00 00 00 00 05 78 60 00 00 00 ") + length +
                             " 06 40 2001 0db8 0001 0000 0000 0000 0000 0010" + client + end);
        message.resize(std::max(message.size(), size));
        return verdict_of(*replayer, FrameBuilder::ipv6("2001:db8:ffff::1").protocol(58, message).build());
    };
    const std::string client6 = " 2001 0db8 0009 0000 0000 0000 0000 0007";
    CHECK(error6(client6, 1280 - 40) == "forwarded");
    CHECK(error6(client6, 1281 - 40) == "bad_icmp_error");
    CHECK(error6(client6, 0, "00 07") == "bad_icmp_error");
    CHECK(error6(" 0000 0000 0000 0000 0000 ffff c633 6407") == "bad_icmp_error");
    CHECK(error6(" fe80 0000 0000 0000 0000 0000 0000 0001") == "bad_icmp_error");
}

TEST_CASE("outer packets that may be fragmented have IDs of their own") {
    const auto replayer = balancer(configure(kServices));
    const auto outer = [&](const FrameBuilder& frame) {
        const auto sent = run(*replayer, frame.build()).frame;
        return Frame(sent.begin() + 18, sent.begin() + 22);  // ID, flags and offset
    };
    std::set<Frame> seen;
    for (std::uint16_t port = 1000; port < 1200; ++port)
        seen.insert(outer(FrameBuilder::ipv4().udp(53, port).id(1).fragment_field(0)));
    // The fragments of one datagram have the same ID, and are packets of their own.
    seen.insert(outer(FrameBuilder::ipv4().udp(53).id(2).fragment_field(0x2000)));
    for (std::uint16_t offset = 1; offset < 50; ++offset)
        seen.insert(outer(FrameBuilder::ipv4().protocol(17, Frame(8)).id(2).fragment_field(offset)));
    CHECK(seen.size() == 250);
    // One that may not keeps the client's.
    CHECK(outer(FrameBuilder::ipv4().udp(53).id(0x1234)) == bytes("12 34 40 00"));
}
