// SPDX-License-Identifier: Apache-2.0
#include "bgp/ledger.hpp"

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
std::vector<std::string> converse(Ledger& ledger, Time now, bool ok = true) {
    std::vector<std::string> texts;
    while (const auto command = ledger.next(now)) {
        texts.push_back(command->text);
        ledger.finished(*command, ok, now);
        REQUIRE(texts.size() < 2000);
    }
    return texts;
}

void bring_up(Ledger& ledger, const IpAddress& peer, Time now) {
    ledger.observe({peer, Session::kUp, ""}, now);
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("what is wanted is announced to the peers that are up, in one command, once") {
    Ledger ledger(peers({kFirst, kSecond}), kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart).empty());
    CHECK(ledger.settled());
    bring_up(ledger, kFirst, kStart);
    bring_up(ledger, kSecond, kStart);
    CHECK_FALSE(ledger.settled());
    CHECK(converse(ledger, kStart) ==
          Texts{"neighbor 10.0.0.1 , neighbor 10.0.0.2 announce route 192.0.2.10/32 next-hop self"});
    CHECK(converse(ledger, kStart + 1s).empty());
    ledger.want({{kVip, {}}}, true, kStart + 2s);
    CHECK(converse(ledger, kStart + 2s).empty());
    CHECK(ledger.settled());
}

TEST_CASE("a route's attributes stand in its announcement") {
    Ledger ledger(peers({kFirst}), kStart);
    bring_up(ledger, kFirst, kStart);
    Attributes attributes;
    attributes.communities = {{64512, 1, {}}, {64512, 2, 3}, {65535, 0, {}}};
    attributes.med = 0;
    attributes.local_preference = 200;
    attributes.next_hop = ip("10.0.0.9");
    ledger.want({{kVip, attributes}}, true, kStart);
    CHECK(
        converse(ledger, kStart) ==
        Texts{"neighbor 10.0.0.1 announce route 192.0.2.10/32 next-hop 10.0.0.9 community [64512:1 65535:0] "
              "large-community [64512:2:3] med 0 local-preference 200"});
}

TEST_CASE("a peer gets the families that it is for") {
    Ledger ledger(peers({kFirst, kSixth}), kStart);
    bring_up(ledger, kFirst, kStart);
    bring_up(ledger, kSixth, kStart);
    ledger.want({{kVip, {}}, {kVip6, {}}}, true, kStart);
    CHECK(converse(ledger, kStart) ==
          Texts{"neighbor 10.0.0.1 announce route 192.0.2.10/32 next-hop self",
                "neighbor 2001:db8::6 announce route 2001:db8:1::10/128 next-hop self"});
    const auto status = ledger.status(kStart);
    CHECK(status[0].wanted == 1);
    CHECK(status[0].announced == 1);
}

TEST_CASE("a withdraw comes before announcements, at once, also while the session is down") {
    Ledger ledger(peers({kFirst}), kStart);
    bring_up(ledger, kFirst, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart).size() == 1);
    ledger.want({{ip("192.0.2.1"), {}}}, true, kStart);
    CHECK(ledger.next(kStart)->text == "neighbor 10.0.0.1 withdraw route 192.0.2.10/32");
    ledger.observe({kFirst, Session::kIdle, "hold timer expired"}, kStart);
    CHECK(converse(ledger, kStart) == Texts{"neighbor 10.0.0.1 withdraw route 192.0.2.10/32"});
    CHECK(ledger.settled());
}

TEST_CASE("an announcement waits for half a second after the route's last change, and says until when") {
    Ledger ledger(peers({kFirst}), kStart);
    bring_up(ledger, kFirst, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart).size() == 1);
    ledger.want({}, true, kStart + 1s);
    CHECK(converse(ledger, kStart + 1s).size() == 1);
    ledger.want({{kVip, {}}}, true, kStart + 1s);
    CHECK(converse(ledger, kStart + 1s + 499ms).empty());
    CHECK(ledger.due() == kStart + 1500ms);
    CHECK_FALSE(ledger.settled());
    CHECK(converse(ledger, kStart + 1500ms).size() == 1);
    CHECK(ledger.due() == Time::max());
}

TEST_CASE("after a restart of ExaBGP everything is announced anew, after one of the router nothing is") {
    Ledger ledger(peers({kFirst}), kStart);
    bring_up(ledger, kFirst, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart).size() == 1);
    ledger.observe({kFirst, Session::kIdle, "closed"}, kStart + 1s);
    bring_up(ledger, kFirst, kStart + 2s);
    CHECK(converse(ledger, kStart + 2s).empty());
    ledger.restarted("exabgp ended: signal 9 (Killed)", kStart + 3s);
    CHECK(ledger.status(kStart + 3s)[0].announced == 0);
    CHECK(ledger.status(kStart + 3s)[0].last_error == "exabgp ended: signal 9 (Killed)");
    bring_up(ledger, kFirst, kStart + 4s);
    CHECK(converse(ledger, kStart + 4s).size() == 1);
}

TEST_CASE("what the summary says about sessions counts, in both directions") {
    Ledger ledger(peers({kFirst, kSecond}), kStart);
    bring_up(ledger, kFirst, kStart);
    ledger.observe_established({kSecond}, kStart + 5s);
    const auto status = ledger.status(kStart + 5s);
    CHECK(status[0].session == Session::kIdle);
    CHECK(status[0].since == kStart + 5s);
    CHECK(status[1].session == Session::kUp);
}

TEST_CASE("an announcement that was refused is said again ten seconds later, others at once") {
    Ledger ledger(peers({kFirst}), kStart);
    bring_up(ledger, kFirst, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart, false).size() == 1);
    CHECK(ledger.status(kStart)[0].last_error ==
          "exabgp refused 'neighbor 10.0.0.1 announce route 192.0.2.10/32 next-hop self'");
    CHECK(ledger.status(kStart)[0].announced == 0);
    ledger.want({{kVip, {}}, {ip("192.0.2.11"), {}}}, true, kStart);
    CHECK(converse(ledger, kStart) == Texts{"neighbor 10.0.0.1 announce route 192.0.2.11/32 next-hop self"});
    CHECK(converse(ledger, kStart + 10s).size() == 1);
    CHECK(ledger.settled());
}

TEST_CASE("an announcement without an answer is said again, or withdrawn if it is not wanted any more") {
    Ledger ledger(peers({kFirst}), kStart);
    bring_up(ledger, kFirst, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    ledger.unanswered(*ledger.next(kStart), kStart);
    CHECK(converse(ledger, kStart + 1s).size() == 1);
    ledger.want({{kVip, {}}, {ip("192.0.2.11"), {}}}, true, kStart + 1s);
    ledger.unanswered(*ledger.next(kStart + 1s), kStart + 1s);
    ledger.want({{kVip, {}}}, true, kStart + 1s);
    CHECK(converse(ledger, kStart + 1s) == Texts{"neighbor 10.0.0.1 withdraw route 192.0.2.11/32"});
}

TEST_CASE("End-of-RIB follows the routes, a session each, once the routes are complete") {
    auto bgp = peers({kFirst}, 120s);
    bgp.peers[0].families = {config::Family::kIpv4, config::Family::kIpv6};
    Ledger ledger(bgp, kStart);
    bring_up(ledger, kFirst, kStart);
    ledger.want({{kVip, {}}}, false, kStart);
    CHECK(converse(ledger, kStart).size() == 1);
    ledger.want({{kVip, {}}, {kVip6, {}}}, true, kStart);
    CHECK(converse(ledger, kStart) ==
          Texts{"neighbor 10.0.0.1 announce route 2001:db8:1::10/128 next-hop self",
                "neighbor 10.0.0.1 announce eor ipv4 unicast",
                "neighbor 10.0.0.1 announce eor ipv6 unicast"});
    ledger.observe({kFirst, Session::kIdle, "closed"}, kStart + 1s);
    bring_up(ledger, kFirst, kStart + 2s);
    CHECK(converse(ledger, kStart + 2s).size() == 2);
}

TEST_CASE("what a router said stays beside the connections that it closes afterwards, for a minute") {
    Ledger ledger(peers({kFirst}), kStart);
    const std::string said = "notification sent (2,2): OPEN message error / Bad Peer AS";
    ledger.observe({kFirst, Session::kIdle, said}, kStart);
    ledger.observe({kFirst, Session::kIdle, "closing connection"}, kStart + 1s);
    CHECK(ledger.status(kStart + 1s)[0].last_error == "closing connection; before that: " + said);
    ledger.observe({kFirst, Session::kIdle, "closing connection"}, kStart + 61s);
    CHECK(ledger.status(kStart + 61s)[0].last_error == "closing connection");
}

TEST_CASE("a peer that does not answer at all has a sentence about it") {
    Ledger ledger(peers({kFirst}), kStart);
    ledger.observe({kFirst, Session::kConnecting, ""}, kStart);
    CHECK(ledger.status(kStart + 3s)[0].last_error.empty());
    CHECK(ledger.status(kStart + 4s)[0].last_error ==
          "no BGP session: 10.0.0.1 port 179 does not answer; is the address right, the router up, the way "
          "there "
          "open, and does it want no password?");
}

TEST_CASE("a router's trouble is the present one, not what ended its former session") {
    Ledger ledger(peers({kFirst}), kStart);
    const auto trouble = [&](Time now) { return ledger.status(now)[0].last_error; };
    bring_up(ledger, kFirst, kStart);
    ledger.observe({kFirst, Session::kIdle, "the TCP connection was refused or broke"}, kStart + 1h);
    CHECK(trouble(kStart + 1h) == "the TCP connection was refused or broke");
    ledger.observe({kFirst, Session::kConnecting, ""}, kStart + 1h + 1s);
    CHECK(trouble(kStart + 1h + 10s).starts_with("no BGP session: 10.0.0.1 port 179 does not answer"));
    // What it said last stands beside that, for a minute.
    ledger.observe({kFirst, Session::kIdle, "notification received (6,2): administrative shutdown"},
                   kStart + 2h);
    ledger.observe({kFirst, Session::kConnecting, ""}, kStart + 2h + 1s);
    CHECK(trouble(kStart + 2h + 2s) == "notification received (6,2): administrative shutdown");
    CHECK(trouble(kStart + 2h + 5s).starts_with("no BGP session: 10.0.0.1"));
    CHECK(trouble(kStart + 2h + 5s)
              .ends_with("; before that: notification received (6,2): administrative shutdown"));
    CHECK(trouble(kStart + 2h + 61s).starts_with("no BGP session: 10.0.0.1"));
    CHECK(trouble(kStart + 2h + 61s).ends_with("want no password?"));
    // An established session has none.
    bring_up(ledger, kFirst, kStart + 3h);
    CHECK(trouble(kStart + 3h).empty());
    // Nor is ExaBGP's own end one once it tries again.
    ledger.restarted("exabgp ended: signal 9 (Killed)", kStart + 4h);
    CHECK(trouble(kStart + 4h) == "exabgp ended: signal 9 (Killed)");
    ledger.observe({kFirst, Session::kConnecting, ""}, kStart + 4h + 1s);
    CHECK(trouble(kStart + 4h + 1s).empty());
}

TEST_CASE("peers come and go; those that stay keep what is known of them") {
    Ledger ledger(peers({kFirst, kSecond}), kStart);
    bring_up(ledger, kFirst, kStart);
    bring_up(ledger, kSecond, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart).size() == 1);
    const auto third = ip("10.0.0.3");
    ledger.configure(peers({kFirst, third}), kStart + 1s);
    CHECK(converse(ledger, kStart + 1s) == Texts{"neighbor 10.0.0.2 withdraw route 192.0.2.10/32"});
    ledger.dropped({kSecond}, kStart + 1s);
    bring_up(ledger, third, kStart + 2s);
    CHECK(converse(ledger, kStart + 2s) ==
          Texts{"neighbor 10.0.0.3 announce route 192.0.2.10/32 next-hop self"});
    const auto status = ledger.status(kStart + 2s);
    REQUIRE(status.size() == 2);
    CHECK(status[0].session == Session::kUp);
    CHECK(status[0].since == kStart);
    CHECK(status[0].announced == 1);
}

TEST_CASE("a neighbour that changes is told nothing until ExaBGP has it anew, and then everything") {
    Ledger ledger(peers({kFirst, kSecond}), kStart);
    bring_up(ledger, kFirst, kStart);
    bring_up(ledger, kSecond, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart).size() == 1);
    ledger.hold_back({kSecond});
    const auto vip = ip("192.0.2.11");
    ledger.want({{kVip, {}}, {vip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart) == Texts{"neighbor 10.0.0.1 announce route 192.0.2.11/32 next-hop self"});
    ledger.dropped({kSecond}, kStart + 1s);
    ledger.hold_back({});
    CHECK(converse(ledger, kStart + 1s).empty());
    bring_up(ledger, kSecond, kStart + 2s);
    CHECK(converse(ledger, kStart + 2s).size() == 2);
}

TEST_CASE("routes that were taken over are said again, and those that nobody wants withdrawn") {
    Ledger ledger(peers({kFirst}), kStart);
    const auto gone = ip("192.0.2.12");
    ledger.adopt(kFirst, {kVip, gone}, kStart);
    ledger.adopt(kSecond, {kVip}, kStart);  // it is no peer any more
    CHECK(ledger.held() == std::set<IpAddress>{kVip, gone});
    ledger.observe_established({kFirst}, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart) == Texts{"neighbor 10.0.0.2 withdraw route 192.0.2.10/32",
                                            "neighbor 10.0.0.1 withdraw route 192.0.2.12/32"});
    CHECK(converse(ledger, kStart + 500ms) ==
          Texts{"neighbor 10.0.0.1 announce route 192.0.2.10/32 next-hop self"});
    CHECK(ledger.status(kStart + 1s).size() == 1);
}

TEST_CASE("a refused route is a trouble until it is taken") {
    Ledger ledger(peers({kFirst}), kStart);
    bring_up(ledger, kFirst, kStart);
    ledger.want({{kVip, {}}}, true, kStart);
    CHECK(converse(ledger, kStart, false).size() == 1);
    CHECK_FALSE(ledger.status(kStart)[0].last_error.empty());
    CHECK(converse(ledger, kStart + 10s).size() == 1);
    CHECK(ledger.status(kStart + 10s)[0].last_error.empty());
}

TEST_CASE("500 routes are 500 commands, and one more withdraw comes before the rest") {
    Ledger ledger(peers({kFirst, kSecond}), kStart);
    bring_up(ledger, kFirst, kStart);
    bring_up(ledger, kSecond, kStart);
    Routes routes;
    for (unsigned i = 0; i < 500; ++i)
        routes[ip(fmt::format("198.18.{}.{}", i / 250, i % 250 + 1).c_str())] = {};
    ledger.want(routes, true, kStart);
    const auto first = ledger.next(kStart);
    ledger.finished(*first, true, kStart);
    routes.erase(first->vip);
    ledger.want(routes, true, kStart);
    CHECK(ledger.next(kStart)->kind == Command::Kind::kWithdraw);
    CHECK(converse(ledger, kStart).size() == 500);
}

}  // namespace guideway::bgp
