// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <map>
#include <random>

#include "balancer.hpp"
#include "datapath/counters.hpp"
#include "datapath/decap.hpp"
#include "datapath/test_run.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
constexpr std::uint8_t kSyn = FrameBuilder::kSyn, kAck = FrameBuilder::kAck;
constexpr std::uint32_t kDrop = 1, kPass = 2, kTransmit = 3;

std::string service_of(const std::string& backends, const std::string& more = "") {
    return "  - {name: web, listen: ['192.0.2.10:80/tcp', '[2001:db8:1::10]:80/tcp', '192.0.2.10:53/udp'], "
           "tracking: second_chance, table_size: 251" +
           more + ", backends: [" + backends + "]}\n";
}

control::NextHopOf next_hops() {
    return [](const control::DesiredBackend& backend) -> std::optional<net::NextHop> {
        net::NextHop next_hop;
        next_hop.ifindex = next_hop.port.ifindex = datapath::kTestRunInterface;
        next_hop.source = *IpAddress::parse(backend.member.address.is_v4() ? "10.9.9.9" : "2001:db8:9:9::9");
        next_hop.mtu = backend.mtu.value_or(abi::BACKEND_MTU_UNLIMITED);
        return next_hop;
    };
}

/// A balancer whose backends were others before.
struct Moved {
    std::unique_ptr<control::Replayer> replayer;
    control::TimePoint now{std::chrono::hours(1)};

    explicit Moved(const std::string& before) : replayer(balancer(configure(service_of(before)))) {}

    void become(const std::string& services) {
        now += std::chrono::seconds(10);
        const auto config = configure(services);
        REQUIRE(replayer->reconciler().apply(control::desired_state(config), next_hops(), now));
    }
    /// What the GUE private data of a frame says; empty if it is not GUE.
    static std::string private_data(const Frame& frame) {
        const bool ipv4 = frame[12] == 0x08;
        const std::size_t gue = ipv4 ? 14 + 20 + 8 : 14 + 40 + 8;
        if (frame[ipv4 ? 14 + 9 : 14 + 6] != 17)
            return "";
        const std::size_t length = frame[gue] * 4U;
        return hex(Frame(frame.begin() + static_cast<std::ptrdiff_t>(gue) + 4,
                         frame.begin() + static_cast<std::ptrdiff_t>(gue + 4 + length)));
    }
    /// A source port whose packets go to that backend's address now.
    std::uint16_t port_to(const std::string& address) {
        for (std::uint16_t port = 1024; port < 4096; ++port) {
            const auto outcome = run(*replayer, FrameBuilder::ipv4().tcp(80, kSyn, port).build());
            if (outcome.backend && outcome.backend->text() == address)
                return port;
        }
        FAIL("no slot leads to " + address);
        return 0;
    }
};
}  // namespace

TEST_CASE("in a moving slot a packet that starts no flow names the former owner, and nothing is recorded") {
    Moved moved("10.0.0.1");
    moved.become(service_of("10.0.0.1, 10.0.0.2"));
    const auto port = moved.port_to("10.0.0.2");
    const Frame ack = FrameBuilder::ipv4().tcp(80, kAck, port).payload(5).build();
    const auto sent = run(*moved.replayer, ack);
    CHECK(datapath::verdict_name(sent.verdict) == "forwarded");
    CHECK(Moved::private_data(sent.frame) == hex(bytes("00 00 00 01 0a 00 00 01")));
    CHECK(sent.frame.size() == ack.size() + 40);
    CHECK(hex(Frame(sent.frame.begin() + 14 + 40, sent.frame.end())) ==
          hex(Frame(ack.begin() + 14, ack.end())));
    const Frame syn = FrameBuilder::ipv4().tcp(80, kSyn, port).build();
    CHECK(run(*moved.replayer, syn).frame[14 + 9] == 4);  // IPIP
    const Frame datagram = FrameBuilder::ipv4().udp(53, port).build();
    CHECK(Moved::private_data(run(*moved.replayer, datagram).frame).empty());
    datapath::FlowScan scan(moved.replayer->maps());
    CHECK(scan.next().value().empty());
    CHECK(datapath::service_counters(moved.replayer->maps(), 1)->flow_lookups == 0);
}

TEST_CASE("in a settled slot nothing is named") {
    Moved moved("10.0.0.1");
    moved.become(service_of("10.0.0.1, 10.0.0.2"));
    const Frame ack = FrameBuilder::ipv4().tcp(80, kAck, moved.port_to("10.0.0.1")).build();
    CHECK(run(*moved.replayer, ack).frame[14 + 9] == 4);
}

TEST_CASE("who owned the slot longest is named first, max_hops at most") {
    Moved moved("10.0.0.1");
    const auto owned_by = [](const char* owner) { return service_of(owner, ", max_hops: 2"); };
    for (const char* owner : {"10.0.0.2", "10.0.0.3", "10.0.0.4"})
        moved.become(owned_by(owner));
    moved.now += std::chrono::minutes(30);
    moved.become(owned_by("10.0.0.5"));
    const auto port = moved.port_to("10.0.0.5");
    const auto named =
        Moved::private_data(run(*moved.replayer, FrameBuilder::ipv4().tcp(80, kAck, port).build()).frame);
    CHECK(named == hex(bytes("00 00 00 02 0a 00 00 01 0a 00 00 04")));
}

TEST_CASE("an owner that returns is named no more, and one that is dead is passed over until it is alive") {
    Moved moved("10.0.0.1");
    moved.become(service_of("10.0.0.2, {address: 10.0.0.1, state: drain}"));
    const auto port = moved.port_to("10.0.0.2");
    const auto named = [&] {
        return Moved::private_data(
            run(*moved.replayer, FrameBuilder::ipv4().tcp(80, kAck, port).build()).frame);
    };
    CHECK(named() == hex(bytes("00 00 00 01 0a 00 00 01")));
    moved.become(service_of("10.0.0.2, {address: 10.0.0.1, state: down}"));
    CHECK(named().empty());
    moved.become(service_of("10.0.0.2, {address: 10.0.0.1, state: drain}"));
    CHECK(named() == hex(bytes("00 00 00 01 0a 00 00 01")));
    moved.become(service_of("10.0.0.1, {address: 10.0.0.2, state: drain}"));
    CHECK(named() == hex(bytes("00 00 00 01 0a 00 00 02")));
}

TEST_CASE("hops are of the outer packet's family") {
    Moved moved("10.0.0.1, '2001:db8:2::1'");
    moved.become(service_of("'2001:db8:2::2'"));
    std::map<std::string, int> seen;
    for (std::uint16_t port = 1024; port < 1100; ++port)
        ++seen[Moved::private_data(
            run(*moved.replayer, FrameBuilder::ipv6().tcp(80, kAck, port).build()).frame)];
    CHECK(seen.size() == 2);
    CHECK(seen.contains(""));
    CHECK(seen.contains(hex(bytes("00 01 00 01 20 01 0d b8 00 02 00 00 00 00 00 00 00 00 00 01"))));
}

TEST_CASE("max_drain ends it") {
    Moved moved("10.0.0.1");
    moved.become(service_of("10.0.0.1, 10.0.0.2", ", max_drain: 60s, idle_timeout: 60s"));
    const auto port = moved.port_to("10.0.0.2");
    CHECK(moved.replayer->reconciler().needs_sweeps());
    sweep(*moved.replayer, moved.now + std::chrono::seconds(61));
    CHECK(run(*moved.replayer, FrameBuilder::ipv4().tcp(80, kAck, port).build()).frame[14 + 9] == 4);
    CHECK_FALSE(moved.replayer->reconciler().needs_sweeps());
}

TEST_CASE("too big is answered with what fits the longest list; who cannot be told names fewer") {
    const auto with_mtu = [](const std::string& more) {
        return service_of("{address: 10.0.0.1, mtu: 1000}, {address: 10.0.0.2, mtu: 1000}" + more);
    };
    Moved moved("{address: 10.0.0.1, mtu: 1000}");
    moved.become(with_mtu(""));
    const auto port = moved.port_to("10.0.0.2");
    const auto frame = [&](std::size_t length, std::uint16_t flags) {
        return FrameBuilder::ipv4().fragment_field(flags).tcp(80, kAck, port).payload(length - 40).build();
    };
    constexpr std::uint16_t kDontFragment = 0x4000;
    CHECK(verdict_of(*moved.replayer, frame(960, kDontFragment)) == "forwarded");
    const auto answered = run(*moved.replayer, frame(961, kDontFragment));
    CHECK(datapath::verdict_name(answered.verdict) == "too_big_answered");
    CHECK(hex(Frame(answered.frame.begin() + 14 + 20 + 6, answered.frame.begin() + 14 + 20 + 8)) ==
          hex(bytes("03 b4")));  // 1000 - 36 - 4 * 4
    const auto shortened = run(*moved.replayer, frame(980, 0));
    CHECK(datapath::verdict_name(shortened.verdict) == "forwarded");
    CHECK(shortened.frame[14 + 9] == 4);
    CHECK(verdict_of(*moved.replayer, frame(981, 0)) == "too_big_no_df");
}

// --- the backend's side ------------------------------------------------------------------------------------

namespace {
const auto kPeer = *IpAddress::parse("10.0.0.2");
const auto kPeer6 = *IpAddress::parse("2001:db8:2::2");

/// No socket of this host is any frame's.
struct Backend {
    datapath::DecapProgram program;

    static Backend load() {
        auto loaded = datapath::DecapProgram::load(
            {.balancers = {config::Prefix::of(*IpAddress::parse("10.9.9.9")),
                           config::Prefix::of(*IpAddress::parse("2001:db8:9:9::9"))},
             .vips = {config::Prefix::of(*IpAddress::parse("192.0.2.10"))}},
            nullptr);
        if (!loaded)
            FAIL(loaded.error().message);
        datapath::DecapPeer way{{{2, 0, 0, 0, 0, 7}}, {}, datapath::kTestRunInterface};
        std::copy_n(FrameBuilder::ipv4().tcp(80).build().begin(), 6, way.interface_mac.bytes.begin());
        REQUIRE(
            loaded->set_peers({{kPeer, way}, {*IpAddress::parse("10.0.0.3"), std::nullopt}, {kPeer6, way}}));
        return {std::move(*loaded)};
    }
    /// The frame, and what became of it.
    Frame run(const Frame& frame, std::uint32_t action, abi::decap_verdict verdict) const {
        const auto before = program.counts().value()[verdict];
        const auto done = datapath::test_run(program.fd(), frame);
        REQUIRE(done);
        CHECK(done->action == action);
        CHECK(program.counts().value()[verdict] == before + 1);
        return done->frame;
    }
};

/// From a balancer, with this private data.
Frame named(const char* private_data, const Frame& inner, std::uint8_t ttl = 64) {
    const Frame list = bytes(private_data);
    Frame udp = bytes("e5 b1 17 c0 00 00 00 00");
    const std::size_t length = 12 + list.size() + inner.size() - 14;
    udp[4] = static_cast<std::uint8_t>(length >> 8);
    udp[5] = static_cast<std::uint8_t>(length);
    udp.push_back(static_cast<std::uint8_t>(list.size() / 4));
    for (const std::uint8_t byte : {4, 0, 0})
        udp.push_back(byte);
    udp.insert(udp.end(), list.begin(), list.end());
    udp.insert(udp.end(), inner.begin() + 14, inner.end());
    return FrameBuilder::ipv4("10.9.9.9", "10.0.0.1").ttl(ttl).protocol(17, udp).build();
}

/// With the checksum of its IPv4 header as it should be.
Frame with_checksum(Frame frame) {
    frame[24] = frame[25] = 0;
    unsigned sum = 0;
    for (std::size_t i = 14; i < 34; i += 2)
        sum += frame[i] * 256U + frame[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    frame[24] = static_cast<std::uint8_t>(sum >> 8);
    frame[25] = static_cast<std::uint8_t>(sum);
    return frame;
}

const Frame kSegment = FrameBuilder::ipv4().tcp(80, kAck).payload(3).build();
}  // namespace

TEST_CASE("what is no socket's of this host is handed on to the next former owner") {
    const auto backend = Backend::load();
    const auto out =
        backend.run(named("00 00 00 02 0a 00 00 02 0a 00 00 03", kSegment), kTransmit, abi::DECAP_HANDED_ON);
    Frame expected = named("00 00 01 02 0a 00 00 02 0a 00 00 03", kSegment, 63);
    std::copy_n(expected.begin(), 6, expected.begin() + 6);  // from the address that it came to
    std::ranges::copy(bytes("02 00 00 00 00 07"), expected.begin());
    const Frame addresses = bytes("0a 00 00 01 0a 00 00 02");
    std::ranges::copy(addresses, expected.begin() + 14 + 12);
    const Frame readdressed = with_checksum(expected);
    CHECK(hex(out) == hex(readdressed));
}

TEST_CASE("a SYN, another protocol, and a packet with nobody left stay") {
    const auto backend = Backend::load();
    const auto check_stays = [&](const char* list, const Frame& inner) {
        const auto out = backend.run(named(list, inner), kPass, abi::DECAP_OWN);
        CHECK(hex(Frame(out.begin() + 14, out.end())) == hex(Frame(inner.begin() + 14, inner.end())));
    };
    check_stays("00 00 00 01 0a 00 00 02", FrameBuilder::ipv4().tcp(80, kSyn).build());
    check_stays("00 00 00 01 0a 00 00 02", FrameBuilder::ipv4().udp(80).build());
    check_stays("00 00 01 01 0a 00 00 02", kSegment);
    check_stays("00 00 07 01 0a 00 00 02", kSegment);
    check_stays("00 00 00 00", kSegment);
}

TEST_CASE("nobody but a configured backend gets a packet; who is none is passed over") {
    const auto backend = Backend::load();
    backend.run(named("00 00 00 01 c6 33 64 07", kSegment), kPass, abi::DECAP_OWN);
    const auto out =
        backend.run(named("00 00 00 02 c6 33 64 07 0a 00 00 02", kSegment), kTransmit, abi::DECAP_HANDED_ON);
    CHECK(hex(Frame(out.begin() + 14 + 16, out.begin() + 14 + 20)) == hex(bytes("0a 00 00 02")));
    CHECK(out[14 + 20 + 12 + 2] == 2);  // the next index
}

TEST_CASE("a frame that a switch floods is left to the host that it is for") {
    const auto backend = Backend::load();
    Frame flooded = named("00 00 00 01 0a 00 00 02", kSegment);
    flooded[5] ^= 1;
    backend.run(flooded, kPass, abi::DECAP_OWN);
}

TEST_CASE("other backends are obeyed if they hand on, and not if they wrap") {
    const auto backend = Backend::load();
    Frame handed_on = named("00 00 01 02 0a 00 00 03 0a 00 00 02", kSegment);
    std::ranges::copy(bytes("0a 00 00 03"), handed_on.begin() + 14 + 12);
    backend.run(handed_on, kTransmit, abi::DECAP_HANDED_ON);
    const Frame wrapped = FrameBuilder::ipv4("10.0.0.3", "10.0.0.1")
                              .protocol(4, Frame(kSegment.begin() + 14, kSegment.end()))
                              .build();
    CHECK(hex(backend.run(wrapped, kPass, abi::DECAP_UNKNOWN_BALANCER)) == hex(wrapped));
}

TEST_CASE("a packet is dropped where the next hop is not known, or its hop limit is used up") {
    const auto backend = Backend::load();
    backend.run(named("00 00 00 01 0a 00 00 03", kSegment), kDrop, abi::DECAP_UNRESOLVED);
    backend.run(named("00 00 00 01 0a 00 00 02", kSegment, 1), kDrop, abi::DECAP_HOP_LIMIT);
}

TEST_CASE("a list that contradicts its length or family is none, and strangers are not obeyed") {
    const auto backend = Backend::load();
    for (const char* list :
         {"00 00 00 02 0a 00 00 02", "00 00 00 01",
          "00 00 00 09 0a 00 00 02 0a 00 00 02 0a 00 00 02 0a 00 00 02 0a 00 00 02 0a 00 00 02 "
          "0a 00 00 02 0a 00 00 02 0a 00 00 02",
          "00 01 00 01 0a 00 00 02", "00 07 00 01 0a 00 00 02",
          "00 01 00 01 20 01 0d b8 00 02 00 00 00 00 00 00 00 00 00 02"}) {
        const Frame frame = named(list, kSegment);
        CHECK(hex(backend.run(frame, kPass, abi::DECAP_BAD_CHANCE)) == hex(frame));
    }
    Frame cut = named("00 00 00 01 0a 00 00 02", kSegment);
    cut[14 + 20 + 8] = 31;
    backend.run(cut, kPass, abi::DECAP_BAD_CHANCE);
    const Frame stranger = FrameBuilder::ipv4("10.9.9.8", "10.0.0.1")
                               .protocol(17, Frame(cut.begin() + 14 + 20, cut.end()))
                               .build();
    CHECK(hex(backend.run(stranger, kPass, abi::DECAP_UNKNOWN_BALANCER)) == hex(stranger));
}

TEST_CASE("fragments follow the first one") {
    const auto backend = Backend::load();
    const char* list = "00 00 00 01 0a 00 00 02";
    const Frame first = FrameBuilder::ipv4().fragment_field(0x2000).tcp(80, kAck).payload(20).build();
    const Frame later = FrameBuilder::ipv4().fragment_field(0x0005).protocol(6, Frame(20)).build();
    backend.run(named(list, later), kPass, abi::DECAP_OWN);
    backend.run(named(list, first), kTransmit, abi::DECAP_HANDED_ON);
    backend.run(named(list, later), kTransmit, abi::DECAP_HANDED_ON);
}

TEST_CASE("a million made-up lists are each obeyed as far as they are sound, and grow nothing") {
    const auto backend = Backend::load();
    std::mt19937 random(20261130);
    const auto frames = std::getenv("GUIDEWAY_FRAMES") != nullptr ? 1'000'000 : 20'000;
    for (int i = 0; i < frames; ++i) {
        Frame frame = named("00 00 00 02 0a 00 00 02 0a 00 00 03", kSegment);
        for (unsigned changes = random() % 4; changes > 0; --changes)
            frame[14 + 20 + random() % 24] = static_cast<std::uint8_t>(random());
        if (random() % 8 == 0)
            frame.resize(14 + 20 + random() % (frame.size() - 34));
        const auto done = datapath::test_run(backend.program.fd(), frame);
        REQUIRE(done);
        REQUIRE(done->frame.size() <= frame.size());
        if (done->action != kTransmit)
            continue;
        REQUIRE(done->frame.size() == frame.size());
        const auto index = 14 + 20 + 12 + 2U;
        REQUIRE(done->frame[index] > frame[index]);
        REQUIRE(hex(Frame(done->frame.begin() + 14 + 16, done->frame.begin() + 14 + 20)) ==
                hex(bytes("0a 00 00 02")));
    }
}
