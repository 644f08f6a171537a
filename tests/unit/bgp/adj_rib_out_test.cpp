// SPDX-License-Identifier: Apache-2.0
#include "bgp/adj_rib_out.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace guideway::bgp {

namespace {

using namespace std::chrono_literals;

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

const IpAddress kFirst = ip("10.0.0.1");
const IpAddress kSecond = ip("10.0.0.2");
const IpAddress kSixth = ip("2001:db8::6");
const IpAddress kVip = ip("192.0.2.10");
const IpAddress kVip6 = ip("2001:db8:1::10");
const Time kStart = Time() + 1h;

config::Bgp peers(std::initializer_list<IpAddress> addresses, config::Duration graceful_restart = 0s) {
    config::Bgp bgp;
    for (const auto& address : addresses) {
        config::Peer peer;
        peer.address = address;
        peer.as = 64512;
        peer.graceful_restart = graceful_restart;
        bgp.peers.push_back(peer);
    }
    return bgp;
}

/// Answers every command that there is at this moment: their texts.
std::vector<std::string> converse(AdjRibOut& rib, Time now, bool ok = true) {
    std::vector<std::string> texts;
    while (const auto command = rib.next(now)) {
        texts.push_back(command->text);
        rib.finished(*command, ok, now);
        REQUIRE(texts.size() < 2000);
    }
    return texts;
}

void bring_up(AdjRibOut& rib, const IpAddress& peer, Time now) {
    rib.observe({peer, Session::kUp, ""}, now);
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("what is wanted is announced to the peers that are up, in one command, once") {
    AdjRibOut rib(peers({kFirst, kSecond}), kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart).empty());
    CHECK(rib.settled());
    bring_up(rib, kFirst, kStart);
    bring_up(rib, kSecond, kStart);
    CHECK_FALSE(rib.settled());
    CHECK(converse(rib, kStart) ==
          Texts{"neighbor 10.0.0.1 , neighbor 10.0.0.2 announce route 192.0.2.10/32 next-hop self"});
    CHECK(converse(rib, kStart + 1s).empty());
    rib.want({{kVip, {}}}, true, kStart + 2s);
    CHECK(converse(rib, kStart + 2s).empty());
    CHECK(rib.settled());
}

TEST_CASE("a route's attributes stand in its announcement") {
    AdjRibOut rib(peers({kFirst}), kStart);
    bring_up(rib, kFirst, kStart);
    Attributes attributes;
    attributes.communities = {{64512, 1, {}}, {64512, 2, 3}, {65535, 0, {}}};
    attributes.med = 0;
    attributes.local_preference = 200;
    attributes.next_hop = ip("10.0.0.9");
    rib.want({{kVip, attributes}}, true, kStart);
    CHECK(
        converse(rib, kStart) ==
        Texts{"neighbor 10.0.0.1 announce route 192.0.2.10/32 next-hop 10.0.0.9 community [64512:1 65535:0] "
              "large-community [64512:2:3] med 0 local-preference 200"});
}

TEST_CASE("a peer gets the families that it is for") {
    AdjRibOut rib(peers({kFirst, kSixth}), kStart);
    bring_up(rib, kFirst, kStart);
    bring_up(rib, kSixth, kStart);
    rib.want({{kVip, {}}, {kVip6, {}}}, true, kStart);
    CHECK(converse(rib, kStart) ==
          Texts{"neighbor 10.0.0.1 announce route 192.0.2.10/32 next-hop self",
                "neighbor 2001:db8::6 announce route 2001:db8:1::10/128 next-hop self"});
    const auto status = rib.status(kStart);
    CHECK(status[0].wanted == 1);
    CHECK(status[0].announced == 1);
}

TEST_CASE("a withdraw comes before announcements, at once, also while the session is down") {
    AdjRibOut rib(peers({kFirst}), kStart);
    bring_up(rib, kFirst, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart).size() == 1);
    rib.want({{ip("192.0.2.1"), {}}}, true, kStart);
    CHECK(rib.next(kStart)->text == "neighbor 10.0.0.1 withdraw route 192.0.2.10/32");
    rib.observe({kFirst, Session::kIdle, "hold timer expired"}, kStart);
    CHECK(converse(rib, kStart) == Texts{"neighbor 10.0.0.1 withdraw route 192.0.2.10/32"});
    CHECK(rib.settled());
}

TEST_CASE("an announcement waits for half a second after the route's last change, and says until when") {
    AdjRibOut rib(peers({kFirst}), kStart);
    bring_up(rib, kFirst, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart).size() == 1);
    rib.want({}, true, kStart + 1s);
    CHECK(converse(rib, kStart + 1s).size() == 1);
    rib.want({{kVip, {}}}, true, kStart + 1s);
    CHECK(converse(rib, kStart + 1s + 499ms).empty());
    CHECK(rib.due() == kStart + 1500ms);
    CHECK_FALSE(rib.settled());
    CHECK(converse(rib, kStart + 1500ms).size() == 1);
    CHECK(rib.due() == Time::max());
}

TEST_CASE("after a restart of ExaBGP everything is announced anew, after one of the router nothing is") {
    AdjRibOut rib(peers({kFirst}), kStart);
    bring_up(rib, kFirst, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart).size() == 1);
    rib.observe({kFirst, Session::kIdle, "closed"}, kStart + 1s);
    bring_up(rib, kFirst, kStart + 2s);
    CHECK(converse(rib, kStart + 2s).empty());
    rib.restarted("exabgp ended: signal 9 (Killed)", kStart + 3s);
    CHECK(rib.status(kStart + 3s)[0].announced == 0);
    CHECK(rib.status(kStart + 3s)[0].last_error == "exabgp ended: signal 9 (Killed)");
    bring_up(rib, kFirst, kStart + 4s);
    CHECK(converse(rib, kStart + 4s).size() == 1);
}

TEST_CASE("what the summary says about sessions counts, in both directions") {
    AdjRibOut rib(peers({kFirst, kSecond}), kStart);
    bring_up(rib, kFirst, kStart);
    rib.observe_established({kSecond}, kStart + 5s);
    const auto status = rib.status(kStart + 5s);
    CHECK(status[0].session == Session::kIdle);
    CHECK(status[0].since == kStart + 5s);
    CHECK(status[1].session == Session::kUp);
}

TEST_CASE("an announcement that was refused is said again ten seconds later, others at once") {
    AdjRibOut rib(peers({kFirst}), kStart);
    bring_up(rib, kFirst, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart, false).size() == 1);
    CHECK(rib.status(kStart)[0].last_error ==
          "exabgp refused 'neighbor 10.0.0.1 announce route 192.0.2.10/32 next-hop self'");
    CHECK(rib.status(kStart)[0].announced == 0);
    rib.want({{kVip, {}}, {ip("192.0.2.11"), {}}}, true, kStart);
    CHECK(converse(rib, kStart) == Texts{"neighbor 10.0.0.1 announce route 192.0.2.11/32 next-hop self"});
    CHECK(converse(rib, kStart + 10s).size() == 1);
    CHECK(rib.settled());
}

TEST_CASE("an announcement without an answer is said again, or withdrawn if it is not wanted any more") {
    AdjRibOut rib(peers({kFirst}), kStart);
    bring_up(rib, kFirst, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    rib.unanswered(*rib.next(kStart), kStart);
    CHECK(converse(rib, kStart + 1s).size() == 1);
    rib.want({{kVip, {}}, {ip("192.0.2.11"), {}}}, true, kStart + 1s);
    rib.unanswered(*rib.next(kStart + 1s), kStart + 1s);
    rib.want({{kVip, {}}}, true, kStart + 1s);
    CHECK(converse(rib, kStart + 1s) == Texts{"neighbor 10.0.0.1 withdraw route 192.0.2.11/32"});
}

TEST_CASE("End-of-RIB follows the routes, a session each, once the routes are complete") {
    auto bgp = peers({kFirst}, 120s);
    bgp.peers[0].families = {config::Family::kIpv4, config::Family::kIpv6};
    AdjRibOut rib(bgp, kStart);
    bring_up(rib, kFirst, kStart);
    rib.want({{kVip, {}}}, false, kStart);
    CHECK(converse(rib, kStart).size() == 1);
    rib.want({{kVip, {}}, {kVip6, {}}}, true, kStart);
    CHECK(converse(rib, kStart) == Texts{"neighbor 10.0.0.1 announce route 2001:db8:1::10/128 next-hop self",
                                         "neighbor 10.0.0.1 announce eor ipv4 unicast",
                                         "neighbor 10.0.0.1 announce eor ipv6 unicast"});
    rib.observe({kFirst, Session::kIdle, "closed"}, kStart + 1s);
    bring_up(rib, kFirst, kStart + 2s);
    CHECK(converse(rib, kStart + 2s).size() == 2);
}

TEST_CASE("what a router said stays beside the connections that it closes afterwards, for a minute") {
    AdjRibOut rib(peers({kFirst}), kStart);
    const std::string said = "notification sent (2,2): OPEN message error / Bad Peer AS";
    rib.observe({kFirst, Session::kIdle, said}, kStart);
    rib.observe({kFirst, Session::kIdle, "closing connection"}, kStart + 1s);
    CHECK(rib.status(kStart + 1s)[0].last_error == "closing connection; before that: " + said);
    rib.observe({kFirst, Session::kIdle, "closing connection"}, kStart + 61s);
    CHECK(rib.status(kStart + 61s)[0].last_error == "closing connection");
}

TEST_CASE("a peer that does not answer at all has a sentence about it") {
    AdjRibOut rib(peers({kFirst}), kStart);
    rib.observe({kFirst, Session::kConnecting, ""}, kStart);
    CHECK(rib.status(kStart + 3s)[0].last_error.empty());
    CHECK(rib.status(kStart + 4s)[0].last_error ==
          "no BGP session: 10.0.0.1 port 179 does not answer; is the address right, the router up, the way "
          "there "
          "open, and does it want no password?");
}

TEST_CASE("a router's trouble is the present one, not what ended its former session") {
    AdjRibOut rib(peers({kFirst}), kStart);
    const auto trouble = [&](Time now) { return rib.status(now)[0].last_error; };
    bring_up(rib, kFirst, kStart);
    rib.observe({kFirst, Session::kIdle, "the TCP connection was refused or broke"}, kStart + 1h);
    CHECK(trouble(kStart + 1h) == "the TCP connection was refused or broke");
    rib.observe({kFirst, Session::kConnecting, ""}, kStart + 1h + 1s);
    CHECK(trouble(kStart + 1h + 10s).starts_with("no BGP session: 10.0.0.1 port 179 does not answer"));
    // What it said last stands beside that, for a minute.
    rib.observe({kFirst, Session::kIdle, "notification received (6,2): administrative shutdown"},
                kStart + 2h);
    rib.observe({kFirst, Session::kConnecting, ""}, kStart + 2h + 1s);
    CHECK(trouble(kStart + 2h + 2s) == "notification received (6,2): administrative shutdown");
    CHECK(trouble(kStart + 2h + 5s).starts_with("no BGP session: 10.0.0.1"));
    CHECK(trouble(kStart + 2h + 5s)
              .ends_with("; before that: notification received (6,2): administrative shutdown"));
    CHECK(trouble(kStart + 2h + 61s).starts_with("no BGP session: 10.0.0.1"));
    CHECK(trouble(kStart + 2h + 61s).ends_with("want no password?"));
    // An established session has none.
    bring_up(rib, kFirst, kStart + 3h);
    CHECK(trouble(kStart + 3h).empty());
    // Nor is ExaBGP's own end one once it tries again.
    rib.restarted("exabgp ended: signal 9 (Killed)", kStart + 4h);
    CHECK(trouble(kStart + 4h) == "exabgp ended: signal 9 (Killed)");
    rib.observe({kFirst, Session::kConnecting, ""}, kStart + 4h + 1s);
    CHECK(trouble(kStart + 4h + 1s).empty());
}

TEST_CASE("peers come and go; those that stay keep what is known of them") {
    AdjRibOut rib(peers({kFirst, kSecond}), kStart);
    bring_up(rib, kFirst, kStart);
    bring_up(rib, kSecond, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart).size() == 1);
    const auto third = ip("10.0.0.3");
    rib.configure(peers({kFirst, third}), kStart + 1s);
    CHECK(converse(rib, kStart + 1s) == Texts{"neighbor 10.0.0.2 withdraw route 192.0.2.10/32"});
    rib.dropped({kSecond}, kStart + 1s);
    bring_up(rib, third, kStart + 2s);
    CHECK(converse(rib, kStart + 2s) ==
          Texts{"neighbor 10.0.0.3 announce route 192.0.2.10/32 next-hop self"});
    const auto status = rib.status(kStart + 2s);
    REQUIRE(status.size() == 2);
    CHECK(status[0].session == Session::kUp);
    CHECK(status[0].since == kStart);
    CHECK(status[0].announced == 1);
}

TEST_CASE("a neighbour that changes is told nothing until ExaBGP has it anew, and then everything") {
    AdjRibOut rib(peers({kFirst, kSecond}), kStart);
    bring_up(rib, kFirst, kStart);
    bring_up(rib, kSecond, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart).size() == 1);
    rib.hold_back({kSecond});
    const auto vip = ip("192.0.2.11");
    rib.want({{kVip, {}}, {vip, {}}}, true, kStart);
    CHECK(converse(rib, kStart) == Texts{"neighbor 10.0.0.1 announce route 192.0.2.11/32 next-hop self"});
    rib.dropped({kSecond}, kStart + 1s);
    rib.hold_back({});
    CHECK(converse(rib, kStart + 1s).empty());
    bring_up(rib, kSecond, kStart + 2s);
    CHECK(converse(rib, kStart + 2s).size() == 2);
}

TEST_CASE("routes that were taken over are said again, and those that nobody wants withdrawn") {
    AdjRibOut rib(peers({kFirst}), kStart);
    const auto gone = ip("192.0.2.12");
    rib.adopt(kFirst, {kVip, gone}, kStart);
    rib.adopt(kSecond, {kVip}, kStart);  // it is no peer any more
    CHECK(rib.held() == std::set<IpAddress>{kVip, gone});
    rib.observe_established({kFirst}, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart) == Texts{"neighbor 10.0.0.2 withdraw route 192.0.2.10/32",
                                         "neighbor 10.0.0.1 withdraw route 192.0.2.12/32"});
    CHECK(converse(rib, kStart + 500ms) ==
          Texts{"neighbor 10.0.0.1 announce route 192.0.2.10/32 next-hop self"});
    CHECK(rib.status(kStart + 1s).size() == 1);
}

TEST_CASE("a refused route is a trouble until it is taken") {
    AdjRibOut rib(peers({kFirst}), kStart);
    bring_up(rib, kFirst, kStart);
    rib.want({{kVip, {}}}, true, kStart);
    CHECK(converse(rib, kStart, false).size() == 1);
    CHECK_FALSE(rib.status(kStart)[0].last_error.empty());
    CHECK(converse(rib, kStart + 10s).size() == 1);
    CHECK(rib.status(kStart + 10s)[0].last_error.empty());
}

TEST_CASE("500 routes are 500 commands, and one more withdraw comes before the rest") {
    AdjRibOut rib(peers({kFirst, kSecond}), kStart);
    bring_up(rib, kFirst, kStart);
    bring_up(rib, kSecond, kStart);
    Routes routes;
    for (unsigned i = 0; i < 500; ++i)
        routes[ip(fmt::format("198.18.{}.{}", i / 250, i % 250 + 1).c_str())] = {};
    rib.want(routes, true, kStart);
    const auto first = rib.next(kStart);
    rib.finished(*first, true, kStart);
    routes.erase(first->vip);
    rib.want(routes, true, kStart);
    CHECK(rib.next(kStart)->kind == Command::Kind::kWithdraw);
    CHECK(converse(rib, kStart).size() == 500);
}

}  // namespace guideway::bgp
