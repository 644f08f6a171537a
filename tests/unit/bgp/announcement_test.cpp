// SPDX-License-Identifier: Apache-2.0
#include "bgp/announcement.hpp"

#include <catch2/catch.hpp>
#include <set>

namespace guideway::bgp {

namespace {

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

config::Service service(const char* name, std::initializer_list<const char*> vips) {
    config::Service made;
    made.name = name;
    for (const auto* vip : vips)
        made.listeners.push_back({ip(vip), 80, config::Protocol::kTcp, false});
    return made;
}

const ServiceFacts kServes{.warmed_up = true, .healthy = 2, .fault = {}};

/// What is decided when the services named can serve, and the others have no healthy backend.
std::map<IpAddress, Announcement> with_healthy(const config::Config& config, std::set<std::string> names) {
    return decide(config, {}, [&](const config::Service& each) {
        return names.contains(each.name) ? kServes
                                         : ServiceFacts{.warmed_up = true, .healthy = 0, .fault = {}};
    });
}

}  // namespace

TEST_CASE("a VIP is announced once, however many listeners and services it has") {
    config::Config config;
    config.services = {service("web", {"192.0.2.10", "192.0.2.10", "2001:db8::10"}),
                       service("dns", {"192.0.2.10"})};
    const auto made = with_healthy(config, {"web", "dns"});
    REQUIRE(made.size() == 2);
    CHECK(made.at(ip("192.0.2.10")).announced);
    CHECK(made.at(ip("192.0.2.10")).reason.empty());
    CHECK(routes_of(made).size() == 2);
}

TEST_CASE("a service can serve once it is warmed up, has min_healthy backends and a proven datapath") {
    config::Config config;
    config.services = {service("web", {"192.0.2.10"})};
    config.services[0].announce.min_healthy = 2;
    const auto decided = [&](ServiceFacts facts) {
        return decide(config, {}, [&](const auto&) { return facts; }).at(ip("192.0.2.10"));
    };
    CHECK(decided({true, 2, ""}).announced);
    CHECK(decided({true, 1, ""}).reason == "web: 1 healthy, min_healthy is 2");
    CHECK(decided({false, 2, ""}).reason == "web: not every backend has been judged yet");
    CHECK(decided({true, 2, "its packet is dropped"}).reason == "web: its packet is dropped");
    CHECK_FALSE(decided({true, 2, "its packet is dropped"}).announced);
    config.services[0].announce.min_healthy = 0;
    CHECK(decided({true, 0, ""}).announced);
}

TEST_CASE("a VIP of several services needs any of them, or all if one says so") {
    config::Config config;
    config.services = {service("web", {"192.0.2.10"}), service("dns", {"192.0.2.10"})};
    const auto vip = ip("192.0.2.10");
    CHECK(with_healthy(config, {"dns"}).at(vip).announced);
    CHECK(with_healthy(config, {}).at(vip).reason ==
          "web: 0 healthy, min_healthy is 1; dns: 0 healthy, min_healthy is 1");
    config.services[0].announce.when = config::AnnounceWhen::kAll;
    CHECK(with_healthy(config, {"web", "dns"}).at(vip).announced);
    CHECK(with_healthy(config, {"web"}).at(vip).reason == "dns: 0 healthy, min_healthy is 1");
    CHECK_FALSE(with_healthy(config, {"dns"}).at(vip).announced);
}

TEST_CASE("a fault of the datapath and a withdraw by hand take everything away, by hand first") {
    config::Config config;
    config.services = {service("web", {"192.0.2.10", "2001:db8::10"})};
    const auto serves = [](const auto&) { return kServes; };
    const auto faulty = decide(config, {.fault = "eth0: the program is not attached"}, serves);
    CHECK(routes_of(faulty).empty());
    CHECK(faulty.at(ip("2001:db8::10")).reason == "eth0: the program is not attached");
    const auto withdrawn = decide(config, {.withdrawn = true, .fault = "x"}, serves);
    CHECK(withdrawn.at(ip("192.0.2.10")).reason == "withdrawn by hand");
}

TEST_CASE("a route has the communities of all, and of the rest what the first service says") {
    config::Config config;
    config.bgp.emplace();
    config.bgp->communities = {{64512, 1, {}}};
    config.bgp->med = 10;
    config.bgp->local_preference = 200;
    config.bgp->next_hop = config::RouteNextHop{ip("10.0.0.9")};
    config.bgp->next_hop6 = config::RouteNextHop{ip("2001:db8::9")};
    config.services = {service("web", {"192.0.2.10"}), service("dns", {"192.0.2.10", "2001:db8::10"})};
    config.services[0].announce.communities = {{64512, 3, {}}, {64512, 1, {}}};
    config.services[1].announce.communities = {{64512, 2, 7}};
    config.services[1].announce.med = 20;
    config.services[1].announce.next_hop6 = config::RouteNextHop{};
    const auto made = with_healthy(config, {"web", "dns"});
    const auto& attributes = made.at(ip("192.0.2.10")).attributes;
    CHECK(attributes.communities ==
          std::vector<config::Community>{{64512, 1, {}}, {64512, 2, 7}, {64512, 3, {}}});
    CHECK(attributes.med == 20u);
    CHECK(attributes.local_preference == 200u);
    CHECK(attributes.next_hop == ip("10.0.0.9"));
    CHECK_FALSE(made.at(ip("2001:db8::10")).attributes.next_hop);
}

TEST_CASE("the routes are complete once every service has been judged and is proven") {
    using namespace std::chrono_literals;
    config::Config config;
    config.services = {service("web", {"192.0.2.10"}), service("dns", {"192.0.2.11"})};
    auto& health = config.services[1].health.emplace();
    health.interval = 10s;
    health.timeout = 2s;
    health.rise = 3;
    const ServiceFacts judging{.warmed_up = false, .healthy = 1, .fault = {}};
    const ServiceFacts faulty{.warmed_up = true, .healthy = 1, .fault = "no backend has a next hop"};
    const auto is_complete = [&](const ServiceFacts& dns, auto since_start, const char* fault = "") {
        return complete(
            config, {.withdrawn = false, .fault = fault},
            [&](const config::Service& each) { return each.name == "dns" ? dns : kServes; }, since_start);
    };
    CHECK(is_complete(kServes, 0s));
    CHECK(is_complete({.warmed_up = true, .healthy = 0, .fault = {}}, 0s));

    CHECK_FALSE(is_complete(judging, 0s));
    CHECK_FALSE(is_complete(judging, 42s));  // three probes, one interval of stagger, the last one's timeout
    CHECK(is_complete(judging, 46s));        // its probes cannot be tried

    CHECK_FALSE(is_complete(faulty, 3s));
    CHECK(is_complete(faulty, 4s));
    CHECK_FALSE(is_complete(kServes, 3s, "not attached to eth0"));
    CHECK(is_complete(kServes, 4s, "not attached to eth0"));
}

}  // namespace guideway::bgp
