// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>

#include "balancer.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
const std::string kThree =
    "  - {name: web, listen: ['192.0.2.10:53/udp', '[2001:db8:1::10]:53/udp'],"
    " backends: [10.0.0.1, 10.0.0.2, 10.0.0.3]}\n";

FrameBuilder first(std::uint16_t id, std::uint16_t port) {
    return FrameBuilder::ipv4().udp(53, port).id(id).fragment_field(0x2000).payload(32);
}
FrameBuilder later(std::uint16_t id) {
    return FrameBuilder::ipv4().protocol(17, Frame(40, 0xab)).id(id).fragment_field(0x0005);
}
FrameBuilder first6(const char* id, std::uint16_t port) {
    return FrameBuilder::ipv6()
        .extension(44, bytes(std::string("00 00 00 01") + id))
        .udp(53, port)
        .payload(32);
}
FrameBuilder later6(const char* id) {
    return FrameBuilder::ipv6()
        .extension(44, bytes(std::string("00 00 00 28") + id))
        .protocol(17, Frame(40, 0xab));
}
}  // namespace

TEST_CASE("fragments follow the first one, which goes where its flow goes") {
    const auto replayer = balancer(configure(kThree));
    for (std::uint16_t port = 1000; port < 1020; ++port) {
        const auto whole = run(*replayer, FrameBuilder::ipv4().udp(53, port).build());
        const auto begins = run(*replayer, first(port, port).build());
        const auto follows = run(*replayer, later(port).build());
        CHECK(datapath::verdict_name(begins.verdict) == "forwarded");
        CHECK(datapath::verdict_name(follows.verdict) == "forwarded");
        CHECK(begins.backend == whole.backend);
        CHECK(follows.backend == whole.backend);
        CHECK(follows.slot == whole.slot);

        const auto id = fmt::format("0000{:04x}", port);
        const auto whole6 = run(*replayer, FrameBuilder::ipv6().udp(53, port).build());
        CHECK(run(*replayer, first6(id.c_str(), port).build()).backend == whole6.backend);
        CHECK(run(*replayer, later6(id.c_str()).build()).backend == whole6.backend);
    }
}

TEST_CASE("a fragment is wrapped as it is, its offset and flags inside") {
    const auto replayer = balancer(configure(kThree));
    static_cast<void>(run(*replayer, first(7, 1234).build()));
    const auto frame = later(7).build();
    const auto sent = run(*replayer, frame).frame;
    REQUIRE(sent.size() == frame.size() + 20);
    CHECK(std::equal(frame.begin() + 14, frame.end(), sent.begin() + 34));
    CHECK(Frame(sent.begin() + 14, sent.begin() + 24) == bytes("45 00 00 50 00 01 00 00 40 04"));
}

TEST_CASE("datagrams are told apart by addresses, ID and protocol") {
    const auto replayer = balancer(configure(kThree));
    static_cast<void>(run(*replayer, first(7, 1234).build()));
    static_cast<void>(run(*replayer, first6("00000007", 1234).build()));
    CHECK(verdict_of(*replayer, later(7).build()) == "forwarded");
    CHECK(verdict_of(*replayer, later(8).build()) == "fragment");
    CHECK(verdict_of(
              *replayer,
              FrameBuilder::ipv4("198.51.100.8").protocol(17, Frame(40)).id(7).fragment_field(5).build()) ==
          "fragment");
    CHECK(
        verdict_of(*replayer, FrameBuilder::ipv4().protocol(6, Frame(40)).id(7).fragment_field(5).build()) ==
        "fragment");
    CHECK(verdict_of(*replayer, later6("00000007").build()) == "forwarded");
    CHECK(verdict_of(*replayer, later6("00010007").build()) == "fragment");
}

TEST_CASE("an ID that was used long ago names another datagram now") {
    const auto replayer = balancer(configure(kThree));
    static_cast<void>(run(*replayer, first(7, 1234).build()));
    abi::fragment_id key{};
    const int fragments = replayer->maps().fds().fragments.get();
    REQUIRE(bpf_map_get_next_key(fragments, nullptr, &key) == 0);
    abi::fragment_record record{};
    REQUIRE(bpf_map_lookup_elem(fragments, &key, &record) == 0);
    record.seen -= 31'000'000'000;
    REQUIRE(bpf_map_update_elem(fragments, &key, &record, BPF_EXIST) == 0);
    CHECK(verdict_of(*replayer, later(7).build()) == "fragment");
}

TEST_CASE("a first fragment without ports, or to a port without listener, leads nowhere") {
    const auto replayer = balancer(configure(kThree));
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().protocol(17, Frame(4)).fragment_field(0x2000).build()) ==
          "bad_transport_header");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4().udp(54).id(9).fragment_field(0x2000).build()) ==
          "no_listener");
    CHECK(verdict_of(*replayer, later(9).build()) == "fragment");
}
