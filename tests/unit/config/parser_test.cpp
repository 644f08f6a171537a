// SPDX-License-Identifier: Apache-2.0
#include "config/parser.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

namespace guideway::config {

namespace {

using namespace std::chrono_literals;

std::string service_with_backends(std::size_t count, std::size_t first) {
    std::string text =
        fmt::format("  - name: s{}\n    listen: [\"192.0.2.10:{}/tcp\"]\n    backends:\n", first, first + 1);
    for (std::size_t i = first; i < first + count; ++i)
        text += fmt::format("      - 10.{}.{}.{}\n", i / 65536, i / 256 % 256, i % 256);
    return text;
}

/// A service with so many prefixes, half of them IPv6 and in allow.
std::string service_with_prefixes(std::size_t count, std::size_t first) {
    std::string allow, deny;
    for (std::size_t i = 0; i < count; ++i) {
        auto& list = i % 2 == 0 ? deny : allow;
        list += i % 2 == 0 ? fmt::format("{}198.{}.{}.{}/32", list.empty() ? "" : ", ", i / 65536,
                                         i / 256 % 256, i % 256)
                           : fmt::format("{}\"2001:db8:{:x}::/48\"", list.empty() ? "" : ", ", i % 65536);
    }
    return fmt::format(
        "  - {{name: s{0}, listen: [\"192.0.2.10:{1}/tcp\", \"[2001:db8::10]:{1}/tcp\"], backends: [],\n"
        "     allow: [{2}], deny: [{3}]}}\n",
        first, first + 1, allow, deny);
}

constexpr const char* kHead = "interfaces: [eth0]\nhash_key: 000102030405060708090a0b0c0d0e0f\n";

}  // namespace

TEST_CASE("every key of the example reaches its member") {
    const Parsed parsed =
        parse(read_file(fixtures("good") + "/example.yaml").value(), "a.yaml", read_test_key);
    REQUIRE(texts(parsed.errors).empty());
    const Config& config = parsed.config;
    CHECK(config.interfaces == std::vector<std::string>{"eth0"});
    CHECK(config.hash_key[15] == 15);
    CHECK(config.hash_key_file == "/keys/good");
    CHECK(config.runtime_dir == "/run/guideway");
    CHECK(config.pins == "/sys/fs/bpf/guideway");
    REQUIRE(config.http);
    CHECK(config.http->address.text() == "127.0.0.1");
    CHECK(config.http->port == 9660);
    CHECK(config.datapath.source->text() == "10.9.9.9");
    CHECK(config.datapath.source6->text() == "2001:db8::9");
    CHECK(config.datapath.source_prefix == Prefix{IpAddress::parse("10.9.0.0").value(), 16});
    CHECK(config.datapath.probe_mark == ProbeMark{0x67000000, 0xff000000});
    REQUIRE(config.bgp);
    CHECK(config.bgp->local_as == 64512);
    CHECK(config.bgp->router_id.text() == "10.0.0.5");
    REQUIRE(config.bgp->peers.size() == 1);
    CHECK(config.bgp->peers[0].address.text() == "10.0.0.1");
    CHECK(config.bgp->peers[0].as == 64512);
}

TEST_CASE("every key of the example's service reaches its member") {
    const Parsed parsed =
        parse(read_file(fixtures("good") + "/example.yaml").value(), "a.yaml", read_test_key);
    REQUIRE(parsed.config.services.size() == 1);
    const Service& web = parsed.config.services[0];
    CHECK(web.name == "web");
    REQUIRE(web.listeners.size() == 4);
    CHECK(web.listeners[2].text() == "[2001:db8::10]:443/tcp");
    CHECK_FALSE(web.listeners[2].quic);
    CHECK(web.listeners[3].text() == "192.0.2.10:443/udp");
    CHECK(web.listeners[3].quic);
    CHECK(web.tracking == Tracking::kMoves);
    CHECK(web.idle_timeout == 10min);
    CHECK(web.max_drain == 1h);
    CHECK(web.slow_start == 30s);
    CHECK(web.panic_threshold_percent == 50);
    REQUIRE(web.health);
    CHECK(web.health->check == Check::kHttp);
    CHECK(web.health->path == "/healthz");
    CHECK(web.health->port == 80);
    CHECK(web.announce.communities == std::vector{Community{64512, 100, {}}});
    CHECK(web.announce.med == 50u);
    CHECK(web.allow == std::vector{Prefix{IpAddress::parse("0.0.0.0").value(), 0}});
    CHECK(web.deny.empty());
}

TEST_CASE("a backend has what its keys say, a bare address has the defaults") {
    const Parsed parsed = parse_service(
        "    listen: [\"192.0.2.10:80/tcp\"]\n"
        "    backends:\n"
        "      - {name: web-1, address: 10.0.1.11, weight: 7, state: drain, mac: \"02:00:00:00:00:11\", mtu: "
        "1500}\n"
        "      - 2001:DB8:0::12\n");
    REQUIRE(texts(parsed.errors).empty());
    const auto& backends = parsed.config.services[0].backends;
    REQUIRE(backends.size() == 2);
    CHECK(backends[0].name == "web-1");
    CHECK(backends[0].address.text() == "10.0.1.11");
    CHECK(backends[0].weight == 7);
    CHECK(backends[0].state == BackendState::kDrain);
    CHECK(backends[0].mac->text() == "02:00:00:00:00:11");
    CHECK(backends[0].mtu == 1500);
    CHECK(backends[1].name == "2001:db8::12");
    CHECK(backends[1].weight == 100);
    CHECK(backends[1].state == BackendState::kUp);
    CHECK_FALSE(backends[1].mac);
    CHECK_FALSE(backends[1].mtu);
}

TEST_CASE("every key of a peer reaches its member, and a service's attributes stand beside those of all") {
    const Parsed parsed = parse(read_file(fixtures("good") + "/bgp.yaml").value(), "a.yaml", read_test_key);
    REQUIRE(texts(parsed.errors).empty());
    const Bgp& bgp = parsed.config.bgp.value();
    CHECK(bgp.local_as == 4200000001);
    CHECK(bgp.communities == std::vector{Community{64512, 1, {}}, Community{4200000001, 1, 2}});
    CHECK(bgp.med == 10u);
    CHECK(bgp.local_preference == 200u);
    CHECK(bgp.next_hop == RouteNextHop{});
    CHECK(bgp.next_hop6 == RouteNextHop{IpAddress::parse("2001:db8::5")});
    CHECK(bgp.graceful_shutdown == 0ms);
    REQUIRE(bgp.peers.size() == 2);
    CHECK(bgp.peers[0].source == IpAddress::parse("10.0.0.5"));
    CHECK(bgp.peers[0].port == 1179);
    CHECK(bgp.peers[0].hold_time == 9s);
    CHECK(bgp.peers[0].ttl == 255);
    CHECK(bgp.peers[0].graceful_restart == 2min);
    CHECK(bgp.peers[0].password == "000102030405060708090a0b0c0d0e0f");
    CHECK(bgp.peers[0].password_file == "/keys/good");
    CHECK(families_of(bgp.peers[0]) == std::vector{Family::kIpv4, Family::kIpv6});
    CHECK(families_of(bgp.peers[1]) == std::vector{Family::kIpv6});
    const Announce& announce = parsed.config.services.at(0).announce;
    CHECK(announce.min_healthy == 0);
    CHECK(announce.when == AnnounceWhen::kAll);
    CHECK(announce.communities == std::vector{Community{65535, 65281, {}}});
    CHECK(announce.med == 0u);
    CHECK(announce.local_preference == 0u);
    CHECK(announce.next_hop == RouteNextHop{IpAddress::parse("10.0.0.9")});
    CHECK_FALSE(announce.next_hop6);
}

TEST_CASE("the order of the keys of a listener does not matter") {
    const Parsed parsed = parse_service(
        "    listen: [{quic: true, listen: \"192.0.2.10:443/udp\"}]\n"
        "    backends: []\n");
    CHECK(texts(parsed.errors).empty());
    CHECK(parsed.config.services[0].listeners[0].quic);
}

TEST_CASE("the hash key never stands in a message") {
    const std::string secret = "00112233445566778899aabbccddeeff";
    for (const std::string& value : {secret + "0", "0x" + secret, "[" + secret + "]", "{" + secret + ": 1}",
                                     "*" + secret, "!" + secret + " x", "&" + secret + " x", "\"" + secret}) {
        INFO(value);
        const Parsed parsed = parse_text("interfaces: [eth0]\nhash_key: " + value + "\nservices: []\n");
        REQUIRE_FALSE(parsed.errors.empty());
        for (const std::string& text : texts(parsed.errors))
            CHECK(text.find("0011223344") == std::string::npos);
    }
}

TEST_CASE("a table with fewer than 100 slots for each backend is a warning") {
    const std::string head = std::string(kHead) + "datapath: {table_size: 251}\nservices:\n";
    CHECK(parse_text(head + service_with_backends(2, 0)).warnings.empty());
    const Parsed parsed = parse_text(head + service_with_backends(3, 0));
    CHECK(texts(parsed.errors).empty());
    CHECK(texts(parsed.warnings) ==
          std::vector<std::string>{
              "a.yaml:8:7: services[0].backends: 3 backends share unevenly in a table of 251 "
              "slots; datapath.table_size should be at least 300"});
}

TEST_CASE("a service may have a table size of its own") {
    const std::string head = std::string(kHead) + "services:\n";
    const std::string service =
        "  - {name: a, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.1, 10.0.0.2, 10.0.0.3]";
    const Parsed parsed = parse_text(head + service + ", table_size: 4093}\n");
    CHECK(texts(parsed.errors).empty());
    CHECK(texts(parsed.warnings).empty());
    CHECK(table_size_of(parsed.config.services[0], parsed.config.datapath) == 4093);
    CHECK(table_size_of(parse_text(head + service + "}\n").config.services[0], {}) == 65537);
    CHECK(texts(parse_text(head + service + ", table_size: 251}\n").warnings) ==
          std::vector<std::string>{
              "a.yaml:4:55: services[0].backends: 3 backends share unevenly in a table of 251 "
              "slots; table_size should be at least 300"});
    CHECK(texts(parse_text(head + service + ", table_size: 4096}\n").errors).size() == 1);
}

TEST_CASE("tables fit into the room for max_services of the default size") {
    const std::string head = std::string(kHead) + "datapath: {max_services: 2, table_size: 251}\nservices:\n";
    const std::string service = "  - {name: a, listen: ['192.0.2.1:80/tcp'], backends: [], table_size: ";
    CHECK(texts(parse_text(head + service + "509}\n").errors).empty());
    CHECK(texts(parse_text(head + service + "521}\n").errors) ==
          std::vector<std::string>{
              "a.yaml:5:3: services: tables of 521 slots in all do not fit; there is room for "
              "datapath.max_services of datapath.table_size slots"});
}

TEST_CASE("a service has room for 32767 backends and no more") {
    const std::string head = std::string(kHead) + "datapath: {max_backends: 100000}\nservices:\n";
    CHECK(parse_text(head + service_with_backends(32767, 0)).errors.empty());
    CHECK(texts(parse_text(head + service_with_backends(32768, 0)).errors) ==
          std::vector<std::string>{
              "a.yaml:8:7: services[0].backends: 32768 backends do not fit; a service has at most 32767"});
}

TEST_CASE("the listener index has room for 6144 listeners and VIPs and no more") {
    std::string text = std::string(kHead) + "services:\n  - name: web\n    backends: []\n    listen:\n";
    for (int port = 1; port < 6144; ++port)
        text += fmt::format("      - 192.0.2.10:{}/tcp\n", port);
    CHECK(parse_text(text).errors.empty());
    CHECK(texts(parse_text(text + "      - 192.0.2.10:*/tcp\n").errors) ==
          std::vector<std::string>{
              "a.yaml:4:3: services: 6144 listeners and 1 VIPs do not fit; together they are at most 6144"});
}

TEST_CASE(
    "there is room for 131072 prefixes of clients and no more, two of them for each service that has any") {
    const std::string head = std::string(kHead) + "services:\n" + service_with_prefixes(65534, 0);
    CHECK(parse_text(head).errors.empty());
    CHECK(parse_text(head).warnings.empty());
    const auto warned = parse_text(head + service_with_prefixes(1, 1));
    CHECK(warned.errors.empty());
    CHECK(
        texts(warned.warnings) ==
        std::vector<std::string>{
            "a.yaml:4:3: services: 65539 prefixes of allow and deny in all: a reload that changes them needs "
            "room for the old and the new, and there is room for 131072"});
    const auto full = parse_text(head + service_with_prefixes(65534, 1) +
                                 "  - {name: open, listen: [\"192.0.2.11:80/tcp\"], backends: []}\n");
    CHECK(full.errors.empty());
    CHECK(full.warnings.size() == 1);
    CHECK(full.config.services[1].deny.size() == 32767);
    CHECK(full.config.services[1].allow.size() == 32767);
    CHECK(texts(parse_text(head + service_with_prefixes(65535, 1)).errors) ==
          std::vector<std::string>{"a.yaml:4:3: services: 131073 prefixes of allow and deny in all do not "
                                   "fit; there is room for 131072"});
}

TEST_CASE("a file that cannot be read is an error, one that can is parsed under its own name") {
    CHECK(load("/nonexistent/a.yaml").error().message ==
          "read /nonexistent/a.yaml: No such file or directory");
    const std::string path = fixtures("bad") + "/missing-address.yaml";
    const auto parsed = load(path);
    REQUIRE(parsed);
    REQUIRE(parsed->errors.size() == 1);
    CHECK(parsed->errors[0].file == path);
}

}  // namespace guideway::config
