// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>

#include <random>
#include <set>

#include "balancer.hpp"
#include "datapath/listener_index.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
std::string service_of(const control::Replayer& replayer, const Frame& frame) {
    return run(replayer, frame).service.value_or("none");
}

/// False if they cannot be laid out.
bool publish(const control::Replayer& replayer, const std::vector<datapath::ListenerEntry>& listeners) {
    const auto built = datapath::build_listener_index(listeners);
    if (built)
        datapath::publish_listeners(replayer.maps(), **built);
    return built.has_value();
}

IpAddress random_vip(std::mt19937& random, bool v4) {
    std::uint8_t bytes[16];
    for (auto& byte : bytes)
        byte = static_cast<std::uint8_t>(random());
    return IpAddress::from_network(bytes, v4);
}
}  // namespace

TEST_CASE("a port's own listener is preferred to the one for any port") {
    const auto replayer = balancer(configure(
        "  - {name: exact, listen: ['192.0.2.10:443/tcp'], backends: [10.0.0.1]}\n"
        "  - {name: any, listen: ['192.0.2.10:*/tcp'], backends: [10.0.0.2]}\n"
        "  - {name: udp, listen: ['192.0.2.10:*/udp', '192.0.2.11:443/tcp'], backends: [10.0.0.3]}\n"));
    CHECK(service_of(*replayer, FrameBuilder::ipv4().tcp(443).build()) == "exact");
    CHECK(service_of(*replayer, FrameBuilder::ipv4().tcp(80).build()) == "any");
    CHECK(service_of(*replayer, FrameBuilder::ipv4().tcp(0).build()) == "any");
    CHECK(service_of(*replayer, FrameBuilder::ipv4().udp(443).build()) == "udp");
    CHECK(service_of(*replayer, FrameBuilder::ipv4("198.51.100.7", "192.0.2.11").tcp(443).build()) == "udp");
    CHECK(verdict_of(*replayer, FrameBuilder::ipv4("198.51.100.7", "192.0.2.11").tcp(80).build()) ==
          "no_listener");
}

TEST_CASE("as many listeners as there is room for are all found") {
    std::mt19937 random(1);
    std::set<datapath::ListenerEntry> listeners;
    std::set<IpAddress> vips;
    while (listeners.size() + vips.size() + 2 <= abi::LISTENER_KEYS_MAX) {
        const IpAddress vip = random_vip(random, random() % 2 == 0);
        vips.insert(vip);
        listeners.insert({vip, static_cast<std::uint16_t>(1 + random() % 65535), IPPROTO_TCP,
                          static_cast<std::uint16_t>(1 + random() % 100)});
    }
    const auto replayer = balancer(configure("  []\n"));
    const std::vector<datapath::ListenerEntry> sorted(listeners.begin(), listeners.end());
    REQUIRE(publish(*replayer, sorted));
    CHECK(datapath::published_listeners(replayer->maps()) == sorted);
    for (std::size_t i = 0; i < sorted.size(); i += 10) {
        const auto& [vip, port, protocol, service, quic] = sorted[i];
        const auto frame = vip.is_v4() ? FrameBuilder::ipv4("198.51.100.7", vip.text().c_str())
                                       : FrameBuilder::ipv6("2001:db8:9::7", vip.text().c_str());
        REQUIRE(verdict_of(*replayer, FrameBuilder(frame).tcp(port).build()) == "no_backend");
        REQUIRE(verdict_of(*replayer, FrameBuilder(frame).udp(port).build()) == "no_listener");
    }

    auto too_many = sorted;
    too_many.push_back({random_vip(random, true), 80, IPPROTO_TCP, 1});
    too_many.push_back({random_vip(random, true), 80, IPPROTO_TCP, 1});
    CHECK(!publish(*replayer, too_many));
    CHECK(datapath::published_listeners(replayer->maps()) == sorted);
}

TEST_CASE("the layout does not depend on the listeners' order being the same as before") {
    const auto replayer = balancer(configure("  []\n"));
    const datapath::ListenerEntry web{*IpAddress::parse("192.0.2.10"), 80, IPPROTO_TCP, 1};
    const datapath::ListenerEntry any{*IpAddress::parse("192.0.2.10"), 0, IPPROTO_UDP, 2};
    REQUIRE(publish(*replayer, {web}));
    REQUIRE(publish(*replayer, {web, any}));
    CHECK(datapath::published_listeners(replayer->maps()) == std::vector{any, web});
    REQUIRE(publish(*replayer, {}));
    CHECK(datapath::published_listeners(replayer->maps()).empty());
}
