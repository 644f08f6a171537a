// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>

#include "balancer.hpp"
#include "control/backend_entry.hpp"
#include "datapath/test_run.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
std::string service(const std::string& encapsulation, const std::string& backend) {
    return fmt::format(
        "  - {{name: web, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:80/tcp'], encapsulation: {},"
        " backends: [{{address: '{}', mac: '02:00:00:00:01:11'}}]}}\n",
        encapsulation, backend);
}

/// What is sent begins with the bytes written out, and the packet follows.
void check_wrapped(const control::Replayer& replayer, const FrameBuilder& builder,
                   const std::string& headers) {
    const auto frame = builder.build();
    const auto outcome = run(replayer, frame);
    CHECK(datapath::verdict_name(outcome.verdict) == "forwarded");
    const auto expected = bytes(headers);
    REQUIRE(outcome.frame.size() == expected.size() + frame.size() - 14);
    const auto inner = outcome.frame.begin() + static_cast<std::ptrdiff_t>(expected.size());
    CHECK(hex(Frame(outcome.frame.begin(), inner)) == hex(expected));
    CHECK(std::equal(frame.begin() + 14, frame.end(), inner));
}

const auto kIpv4 = FrameBuilder::ipv4().tcp(80).tos(0x29).payload(4);
const auto kIpv6 = FrameBuilder::ipv6().tcp(80).tos(0x29).payload(4);
}  // namespace

TEST_CASE("GRE") {
    check_wrapped(*balancer(configure(service("gre", "10.0.1.11"))), kIpv4, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  08 00
        45 29 00 44 1d 2c 40 00 40 2f ff 19 0a 09 09 09 0a 00 01 0b
        00 00 08 00)");
    check_wrapped(*balancer(configure(service("gre", "10.0.1.11"))), kIpv6, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  08 00
        45 29 00 58 00 00 40 00 40 2f 1c 32 0a 09 09 09 0a 00 01 0b
        00 00 86 dd)");
    check_wrapped(*balancer(configure(service("gre", "2001:db8:2::11"))), kIpv4, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  86 dd
        62 94 e5 b1 00 30 2f 40
        20 01 0d b8 00 09 00 09 00 00 00 00 00 00 00 09
        20 01 0d b8 00 02 00 00 00 00 00 00 00 00 00 11
        00 00 08 00)");
}

TEST_CASE("GUE: the UDP source port is of the flow's hash") {
    check_wrapped(*balancer(configure(service("gue", "10.0.1.11"))), kIpv4, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  08 00
        45 29 00 4c 1d 2c 40 00 40 11 ff 2f 0a 09 09 09 0a 00 01 0b
        e5 b1 17 c0 00 38 00 00  00 04 00 00)");
    check_wrapped(*balancer(configure(service("gue", "2001:db8:2::11"))), kIpv4, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  86 dd
        62 94 e5 b1 00 38 11 40
        20 01 0d b8 00 09 00 09 00 00 00 00 00 00 00 09
        20 01 0d b8 00 02 00 00 00 00 00 00 00 00 00 11
        e5 b1 17 c0 00 38 00 00  00 04 00 00)");
    check_wrapped(*balancer(configure(service("gue", "2001:db8:2::11"))), kIpv6, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  86 dd
        62 94 9b f4 00 4c 11 40
        20 01 0d b8 00 09 00 09 00 00 00 00 00 00 00 09
        20 01 0d b8 00 02 00 00 00 00 00 00 00 00 00 11
        db f4 17 c0 00 4c 00 00  00 29 00 00)");
}

TEST_CASE("outer sources vary inside a prefix with the flow's hash") {
    const auto replayer = balancer(configure(service("ipip", "10.0.1.11"), ", source_prefix: 10.9.0.0/16"));
    check_wrapped(*replayer, kIpv4, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  08 00
        45 29 00 40 1d 2c 40 00 40 04 22 a0 0a 09 e5 b1 0a 00 01 0b)");
    const auto six =
        balancer(configure(service("ipip", "2001:db8:2::11"), ", source_prefix: '2001:db8:9::/48'"));
    check_wrapped(*six, kIpv4, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  86 dd
        62 94 e5 b1 00 2c 04 40
        20 01 0d b8 00 09 00 00 40 11 4a cd 58 14 e5 b1
        20 01 0d b8 00 02 00 00 00 00 00 00 00 00 00 11)");
}

TEST_CASE("VLAN tags are read, and not wrapped") {
    const auto replayer = balancer(configure(service("ipip", "10.0.1.11")));
    const auto plain = run(*replayer, FrameBuilder(kIpv4).build());
    const auto one = run(*replayer, FrameBuilder(kIpv4).vlan(0x8100, 7).build());
    const auto two = run(*replayer, FrameBuilder(kIpv4).vlan(0x8100, 7).vlan(0x88a8, 100).build());
    CHECK(hex(one.frame) == hex(plain.frame));
    CHECK(hex(two.frame) == hex(plain.frame));
    CHECK(hex(run(*replayer, FrameBuilder(kIpv4).vlan(0x8100, 7).padding(11).build()).frame) ==
          hex(plain.frame));
    CHECK(
        verdict_of(*replayer, FrameBuilder(kIpv4).vlan(0x8100, 1).vlan(0x8100, 2).vlan(0x8100, 3).build()) ==
        "not_ip");
    CHECK(verdict_of(*replayer, FrameBuilder(kIpv4).vlan(0x8100, 7).cut(16).build()) == "too_short");
    CHECK(verdict_of(*replayer, FrameBuilder(kIpv4).vlan(0x8100, 7).cut(18 + 19).build()) == "too_short");
    const auto elsewhere = FrameBuilder::ipv4("198.51.100.7", "192.0.2.99").tcp(80).vlan(0x8100, 7).build();
    CHECK(hex(run(*replayer, elsewhere).frame) == hex(elsewhere));
}

TEST_CASE("a next hop behind VLAN tags gets them") {
    const auto replayer = balancer(configure(service("ipip", "10.0.1.11")));
    auto& backend = replayer->maps().backend(replayer->maps().service(1).first_backend + 1);
    auto entry = backend;
    control::set_next_hop(entry, {.ifindex = 7,
                                  .port = {.ifindex = 1, .vlan = {100, 0}},
                                  .mac = *MacAddress::parse("02:00:00:00:01:11"),
                                  .source_mac = *MacAddress::parse("02:00:00:00:00:02"),
                                  .source = *IpAddress::parse("10.9.9.9"),
                                  .mtu = 1500});
    backend = entry;
    check_wrapped(*replayer, kIpv4, R"(
        02 00 00 00 01 11  02 00 00 00 00 02  81 00 00 64 08 00
        45 29 00 40 1d 2c 40 00 40 04 ff 48 0a 09 09 09 0a 00 01 0b)");
}

TEST_CASE(
    "a backend behind another interface is redirected to, one on this host gets its packets unwrapped") {
    const auto replayer = balancer(configure(service("ipip", "10.0.1.11")));
    auto& backend = replayer->maps().backend(replayer->maps().service(1).first_backend + 1);
    backend.interface = 7;
    CHECK(verdict_of(*replayer, FrameBuilder(kIpv4).build()) == "no_next_hop");
    REQUIRE(replayer->program().allow_redirect(7, datapath::kTestRunInterface));
    const auto redirected = run(*replayer, FrameBuilder(kIpv4).build());
    CHECK(datapath::verdict_name(redirected.verdict) == "redirected");
    CHECK(datapath::verdict_action(redirected.verdict) == "redirect");
    CHECK(redirected.backend == IpAddress::parse("10.0.1.11"));

    auto entry = backend;
    net::NextHop here;
    here.local = true;
    control::set_next_hop(entry, here);
    entry.interface = 0;
    backend = entry;
    const auto frame = FrameBuilder(kIpv4).build();
    const auto delivered = run(*replayer, frame);
    CHECK(datapath::verdict_name(delivered.verdict) == "delivered_locally");
    CHECK(datapath::verdict_action(delivered.verdict) == "pass");
    CHECK(hex(delivered.frame) == hex(frame));
}

TEST_CASE("only clients that allow and deny let in are served") {
    const auto verdict = [](const std::string& lists, const FrameBuilder& frame) {
        const auto replayer =
            balancer(configure("  - {name: web, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:80/tcp'], "
                               "backends: [10.0.1.11]" +
                               lists + "}\n"));
        return verdict_of(*replayer, frame.build());
    };
    const auto from = [](const char* source) { return FrameBuilder::ipv4(source).tcp(80); };
    const auto from6 = [](const char* source) { return FrameBuilder::ipv6(source).tcp(80); };
    const std::string allow = ", allow: [198.51.100.0/24]";
    CHECK(verdict(allow, from("198.51.100.7")) == "forwarded");
    CHECK(verdict(allow, from("198.51.101.7")) == "client_denied");
    CHECK(verdict(allow, from6("2001:db8:9::7")) == "forwarded");
    const std::string deny = ", deny: ['2001:db8:9::/48', 198.51.100.7/32]";
    CHECK(verdict(deny, from("198.51.100.7")) == "client_denied");
    CHECK(verdict(deny, from("198.51.100.6")) == "forwarded");
    CHECK(verdict(deny, from6("2001:db8:9::7")) == "client_denied");
    CHECK(verdict(deny, from6("2001:db8:8::7")) == "forwarded");
    const std::string both = ", allow: [198.51.0.0/16, 198.51.100.4/30], deny: [198.51.100.0/24]";
    CHECK(verdict(both, from("198.51.100.7")) == "client_denied");
    CHECK(verdict(both, from("198.51.99.7")) == "forwarded");
    CHECK(verdict(", deny: ['::/0']", from("198.51.100.7")) == "forwarded");
    CHECK(verdict(", deny: ['::/0']", from6("2001:db8:9::7")) == "client_denied");
    CHECK(verdict(", deny: [0.0.0.0/0]", from("198.51.100.7")) == "client_denied");
    CHECK(verdict(", allow: ['::/0']", from("198.51.100.7")) == "forwarded");
}

TEST_CASE("a filter that changes is replaced, and the old one's prefixes are removed") {
    const auto config = [](const std::string& lists) {
        return control::desired_state(configure(
            "  - {name: web, listen: ['192.0.2.10:80/tcp'], backends: [10.0.1.11]" + lists + "}\n"));
    };
    const auto replayer = balancer(configure(
        "  - {name: web, listen: ['192.0.2.10:80/tcp'], backends: [10.0.1.11], deny: [198.51.100.7/32]}\n"));
    const auto next_hop = [](const control::DesiredBackend& backend) {
        return control::replayed_next_hop({}, backend);
    };
    const auto frame = FrameBuilder::ipv4().tcp(80).build();
    CHECK(verdict_of(*replayer, frame) == "client_denied");
    const auto filter = replayer->maps().service(1).filter;
    CHECK(filter != 0);
    REQUIRE(replayer->reconciler().apply(config(", deny: [198.51.100.8/32]"), next_hop, {}));
    CHECK(verdict_of(*replayer, frame) == "forwarded");
    CHECK(replayer->maps().service(1).filter != filter);
    REQUIRE(replayer->reconciler().apply(config(""), next_hop, {}));
    CHECK(replayer->maps().service(1).filter == 0);
    REQUIRE(replayer->reconciler().apply(config(""), next_hop, {}));
    abi::client_prefix key{};
    CHECK(bpf_map_get_next_key(replayer->maps().fds().clients.get(), nullptr, &key) != 0);
}
