// SPDX-License-Identifier: Apache-2.0
#include "agent/announcer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>

namespace guideway::agent {

namespace {

/// Without routers, so that no ExaBGP is started; one service on one VIP.
struct Balancer {
    Balancer() {
        config.bgp.emplace();
        config.services.resize(1);
        config.services[0].name = "web";
        config.services[0].backends.resize(1);
        config.services[0].listeners.push_back({vip, 80, config::Protocol::kTcp, false});
    }
    ~Balancer() {
        announcer.configure(std::nullopt, false);
        loop.run();
    }
    Balancer(const Balancer&) = delete;
    Balancer& operator=(const Balancer&) = delete;

    void update(std::uint32_t healthy, const bgp::BalancerFacts& facts = {}) {
        announcer.update(
            config, facts,
            [&](const auto&) {
                return bgp::ServiceFacts{.warmed_up = true, .healthy = healthy, .fault = {}};
            },
            true);
    }
    bgp::Announcement announced() { return announcer.snapshot()->vips.at(vip); }
    bgp::Presence presence() { return announcer.snapshot()->speaker.presence; }

    const IpAddress vip = *IpAddress::parse("192.0.2.10");
    config::Config config;
    boost::asio::io_context loop;
    Announcer announcer{loop, "/nonexistent"};
};

}  // namespace

TEST_CASE("without a bgp section nothing is announced, and nobody is told so") {
    Balancer balancer;
    CHECK_FALSE(balancer.announcer.active());
    CHECK_FALSE(balancer.announcer.snapshot());
    balancer.update(1);
    CHECK_FALSE(balancer.announcer.snapshot());

    balancer.announcer.configure(balancer.config.bgp, false);
    CHECK(balancer.announcer.active());
    balancer.announcer.configure(std::nullopt, false);
    CHECK_FALSE(balancer.announcer.active());
}

TEST_CASE("what cannot be served is not announced, and the snapshot says why") {
    Balancer balancer;
    balancer.announcer.configure(balancer.config.bgp, false);
    balancer.update(1);
    CHECK(balancer.announced().announced);
    balancer.update(0);
    CHECK(balancer.announced().reason == "web: 0 healthy, min_healthy is 1");
    balancer.update(1, {.withdrawn = false, .fault = "not attached to eth0"});
    CHECK(balancer.announced().reason == "not attached to eth0");
    CHECK(balancer.presence() == bgp::Presence::kPresent);
}

TEST_CASE("a balancer that was withdrawn by hand starts so, until it is announced") {
    Balancer balancer;
    balancer.announcer.configure(balancer.config.bgp, true);
    CHECK(balancer.presence() == bgp::Presence::kGone);
    balancer.update(1, {.withdrawn = true, .fault = {}});
    CHECK(balancer.announced().reason == "withdrawn by hand");
    balancer.announcer.announce();
    balancer.update(1);
    CHECK(balancer.presence() == bgp::Presence::kPresent);
    CHECK(balancer.announced().announced);
}

TEST_CASE("a withdraw goes through unless it is taken back meanwhile") {
    Balancer balancer;
    balancer.announcer.configure(balancer.config.bgp, false);
    balancer.update(1);
    std::optional<bool> gone;
    const auto withdraw = [&]() -> boost::asio::awaitable<void> {
        gone = co_await balancer.announcer.withdraw();
    };
    const auto until_known = [&] {
        while (!gone)
            balancer.loop.run_one();
        return *std::exchange(gone, std::nullopt);
    };
    boost::asio::co_spawn(balancer.loop, withdraw(), boost::asio::detached);
    CHECK(until_known());
    CHECK(balancer.presence() == bgp::Presence::kGone);

    boost::asio::co_spawn(balancer.loop, withdraw(), boost::asio::detached);
    balancer.loop.poll();
    balancer.announcer.announce();
    CHECK_FALSE(until_known());
    CHECK(balancer.presence() == bgp::Presence::kPresent);
}

}  // namespace guideway::agent
