// SPDX-License-Identifier: Apache-2.0
#include "bgp/held_routes.hpp"

#include <catch2/catch.hpp>

namespace guideway::bgp {

namespace {

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

const IpAddress kFirst = ip("10.0.0.1");
const IpAddress kSecond = ip("10.0.0.2");
const IpAddress kVip = ip("192.0.2.10");

using Vips = std::set<IpAddress>;

}  // namespace

TEST_CASE("a route is held from when it is said until its withdraw is confirmed") {
    HeldRoutes routes;
    routes.said(announce_command(kVip, {}, {kFirst, kSecond}));
    CHECK(routes.by_peer().at(kFirst) == Vips{kVip});
    routes.answered(false);  // refused: it may have been taken all the same
    CHECK(routes.by_peer().at(kSecond) == Vips{kVip});
    routes.said(withdraw_command(kVip, {kFirst}));
    CHECK(routes.by_peer().at(kFirst) == Vips{kVip});
    routes.answered(true);
    CHECK(routes.by_peer().at(kFirst).empty());
    routes.said(withdraw_command(kVip, {kSecond}));
    routes.answered(false);
    CHECK(routes.by_peer().at(kSecond) == Vips{kVip});
}

TEST_CASE("answers belong to what was said in turn; one that was lost is awaited no more") {
    HeldRoutes routes;
    routes.said(announce_command(kVip, {}, {kFirst}));
    routes.said(summary_command());
    routes.said(withdraw_command(kVip, {kFirst}));
    CHECK(routes.awaited() == 3);
    routes.answered(true);
    routes.answered(true);
    CHECK(routes.by_peer().at(kFirst) == Vips{kVip});
    routes.unanswered();
    routes.answered(true);  // to nothing
    CHECK(routes.awaited() == 0);
    CHECK(routes.by_peer().at(kFirst) == Vips{kVip});
}

TEST_CASE("everything is withdrawn by a command a VIP; neighbours that are gone need none") {
    HeldRoutes routes;
    routes.said(announce_command(kVip, {}, {kFirst, kSecond}));
    routes.said(announce_command(ip("192.0.2.11"), {}, {kSecond}));
    const auto commands = routes.withdraws();
    REQUIRE(commands.size() == 2);
    CHECK(commands[0].text == "neighbor 10.0.0.1 , neighbor 10.0.0.2 withdraw route 192.0.2.10/32");
    CHECK(commands[1].text == "neighbor 10.0.0.2 withdraw route 192.0.2.11/32");
    routes.keep_only({kFirst});
    REQUIRE(routes.withdraws().size() == 1);
    CHECK(routes.withdraws()[0].text == "neighbor 10.0.0.1 withdraw route 192.0.2.10/32");
}

}  // namespace guideway::bgp
