// SPDX-License-Identifier: Apache-2.0
#include "bgp/announcement.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <set>

namespace guideway::bgp {

namespace {

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

config::Backend backend(const char* address) {
    config::Backend made;
    made.address = ip(address);
    return made;
}

config::Service service(const char* name, std::initializer_list<const char*> vips) {
    config::Service made;
    made.name = name;
    made.backends = {backend("10.0.0.1"), backend("10.0.0.2")};
    for (const auto* vip : vips)
        made.listeners.push_back({ip(vip), 80, config::Protocol::kTcp, false});
    return made;
}

const ServiceFacts kServes{.warmed_up = true, .healthy = 2};

/// What is decided when the services named can serve, and the others have no healthy backend.
std::map<IpAddress, Announcement> with_healthy(const config::Config& config, std::set<std::string> names) {
    return decide(config, {}, [&](const config::Service& each) {
        return names.contains(each.name) ? kServes : ServiceFacts{.warmed_up = true};
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
    config.services[0].backends = {backend("10.0.0.1"), backend("10.0.0.2"), backend("10.0.0.3")};
    const auto decided = [&](ServiceFacts facts) {
        return decide(config, {}, [&](const auto&) { return facts; }).at(ip("192.0.2.10"));
    };
    const ServiceFacts dropped{.warmed_up = true, .healthy = 2, .fault = "its packet is dropped"};
    CHECK(decided({.warmed_up = true, .healthy = 2}).announced);
    CHECK(decided({.warmed_up = true, .healthy = 1}).reason == "web: 1 healthy, min_healthy is 2");
    CHECK(decided({.healthy = 2}).reason == "web: not every backend has been judged yet");
    CHECK(decided(dropped).reason == "web: its packet is dropped");
    CHECK_FALSE(decided(dropped).announced);
    config.services[0].announce.min_healthy = 0;
    CHECK(decided({.warmed_up = true}).announced);
    config.services[0].announce.min_healthy = 1;
    config.services[0].backends.clear();
    CHECK(decided({.warmed_up = true}).reason == "web: it has no backends");
}

TEST_CASE("a VIP stays announced while drains alone keep its service from serving, and flows are left") {
    config::Config config;
    config.services = {service("web", {"192.0.2.10"})};
    const auto decided = [&](ServiceFacts facts) {
        return decide(config, {}, [&](const auto&) { return facts; }).at(ip("192.0.2.10"));
    };
    const auto last = decided({.warmed_up = true, .drained = 2, .draining = true});
    CHECK(last.announced);
    CHECK(last.note == "web: only drained backends are left; announced while they have flows");
    const auto ended = decided({.warmed_up = true, .drained = 2});
    CHECK_FALSE(ended.announced);
    CHECK(ended.reason == "web: all backends are drained");
    CHECK(ended.note.empty());

    // Who was removed from the file drains as well.
    CHECK(decided({.warmed_up = true, .leaving = 1, .draining = true}).announced);
    // Drains are not the only cause: even with the drained one there would be too few.
    config.services[0].announce.min_healthy = 2;
    const auto one_is_down = decided({.warmed_up = true, .drained = 1, .draining = true});
    CHECK(one_is_down.reason == "web: 0 healthy, 1 drained, min_healthy is 2");
    CHECK(decided({.warmed_up = true, .healthy = 1, .drained = 1, .draining = true}).announced);
    // Nobody drains: it serves as any other.
    CHECK(decided({.warmed_up = true, .healthy = 2, .draining = true}).note.empty());
    // A fault of the datapath cuts drained flows off as well.
    CHECK(decided({.warmed_up = true, .drained = 2, .draining = true, .fault = "dropped"}).reason ==
          "web: dropped");
}

TEST_CASE("a service that drains does not hide that another one on the VIP serves") {
    config::Config config;
    config.services = {service("web", {"192.0.2.10"}), service("dns", {"192.0.2.10"})};
    const ServiceFacts draining{.warmed_up = true, .drained = 1, .draining = true};
    const auto made = decide(
        config, {}, [&](const config::Service& each) { return each.name == "web" ? draining : kServes; });
    CHECK(made.at(ip("192.0.2.10")).announced);
    CHECK(made.at(ip("192.0.2.10")).note.empty());
}

TEST_CASE("what routers have is not withdrawn for what is only not known yet") {
    using namespace std::chrono_literals;
    config::Config config;
    const auto vip = ip("192.0.2.10");
    config.services = {service("renamed", {"192.0.2.10"})};
    const auto decided = [&](ServiceFacts facts, std::chrono::milliseconds age, const char* fault = "") {
        return decide(config, {.fault = fault, .age = age}, [&](const auto&) { return facts; }, {vip})
            .at(vip);
    };
    CHECK(decided({.healthy = 1}, 1h).announced);  // nobody has been judged yet
    CHECK(decided({.warmed_up = true, .healthy = 1, .fault = "no backend has a next hop"}, 1s).announced);
    CHECK(decided({.warmed_up = true, .healthy = 1}, 1s, "not attached").announced);
    // What is known withdraws it.
    CHECK_FALSE(decided({.warmed_up = true}, 1s).announced);
    CHECK_FALSE(
        decided({.warmed_up = true, .healthy = 1, .fault = "no backend has a next hop"}, 4s).announced);
    CHECK_FALSE(decided({.warmed_up = true, .healthy = 1}, 4s, "not attached").announced);
    // Others are not announced before it is known.
    config.services[0].listeners[0].vip = ip("192.0.2.11");
    const auto other =
        decide(config, {.age = 1s}, [](const auto&) { return ServiceFacts{.healthy = 1}; }, {vip});
    CHECK_FALSE(other.at(ip("192.0.2.11")).announced);
}

TEST_CASE("a VIP whose family no peer takes is not announced, and says why") {
    config::Config config;
    config.services = {service("web", {"192.0.2.10", "2001:db8::10"})};
    config.bgp.emplace();
    config.bgp->peers.emplace_back().address = ip("10.0.0.1");
    const auto decided = [&] { return decide(config, {}, [](const auto&) { return kServes; }); };
    CHECK(decided().at(ip("192.0.2.10")).announced);
    CHECK_FALSE(decided().at(ip("2001:db8::10")).announced);
    CHECK(decided().at(ip("2001:db8::10")).reason ==
          "no peer takes IPv6 routes: add an IPv6 peer, or give one `families: [ipv4, ipv6]` and all "
          "`next_hop6`");
    config.bgp->peers[0].families = {config::Family::kIpv4, config::Family::kIpv6};
    CHECK(decided().at(ip("2001:db8::10")).announced);
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
    const ServiceFacts judging{.healthy = 1};
    const ServiceFacts faulty{.warmed_up = true, .healthy = 1, .fault = "no backend has a next hop"};
    const auto is_complete = [&](const ServiceFacts& dns, std::chrono::milliseconds age,
                                 const char* fault = "") {
        return complete(config, {.fault = fault, .age = age},
                        [&](const config::Service& each) { return each.name == "dns" ? dns : kServes; });
    };
    CHECK(is_complete(kServes, 0s));
    CHECK(is_complete({.warmed_up = true}, 0s));

    CHECK_FALSE(is_complete(judging, 0s));
    CHECK_FALSE(is_complete(judging, 42s));  // three probes, one interval of stagger, the last one's timeout
    CHECK(is_complete(judging, 46s));        // its probes cannot be tried

    CHECK_FALSE(is_complete(faulty, 3s));
    CHECK(is_complete(faulty, 4s));
    CHECK_FALSE(is_complete(kServes, 3s, "not attached to eth0"));
    CHECK(is_complete(kServes, 4s, "not attached to eth0"));
}

TEST_CASE("of a VIP's many services that cannot serve, the first are named and the rest counted") {
    config::Config config;
    for (int i = 0; i < 1000; ++i)
        config.services.push_back(service(fmt::format("s{}", i).c_str(), {"192.0.2.10"}));
    const auto made = decide(config, {},
                             [](const config::Service&) {
                                 return ServiceFacts{.warmed_up = true, .fault = "no backend has a next hop"};
                             },
                             {});
    const auto& reason = made.at(ip("192.0.2.10")).reason;
    CHECK(reason.starts_with("s0: no backend has a next hop; s1: "));
    CHECK(reason.ends_with("s4: no backend has a next hop; and 995 more"));
}

}  // namespace guideway::bgp
