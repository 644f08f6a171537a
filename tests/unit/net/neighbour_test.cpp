// SPDX-License-Identifier: Apache-2.0
#include "net/neighbour.hpp"

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <catch2/catch.hpp>
#include <optional>

#include "lab.hpp"

using namespace guideway::net;

namespace {
/// Listens for what the kernel announces about a neighbour until it is in the wanted state.
Neighbour await_state(Netlink& announcements, const NeighbourId& id, NeighbourState wanted) {
    boost::asio::io_context loop;
    boost::asio::posix::stream_descriptor readable(loop, announcements.fd());
    std::optional<Neighbour> last;
    std::function<void()> wait = [&] {
        readable.async_wait(boost::asio::posix::descriptor_base::wait_read, [&](auto) {
            REQUIRE(announcements.receive([&](const nlmsghdr& message) {
                if (const auto announced = neighbour_in(message); announced && announced->id == id)
                    last = announced->neighbour;
            }));
            wait();
        });
    };
    wait();
    REQUIRE(await(loop, [&] { return last && last->state == wanted; }));
    (void)readable.release();
    return *last;
}
}  // namespace

TEST_CASE("a neighbour is looked up with its state and MAC") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:50 nud permanent",
              "ip neigh replace 10.0.1.51 dev a0 lladdr 02:00:00:00:00:51 nud stale",
              "ip neigh replace 2001:db8:1::52 dev a0 lladdr 02:00:00:00:00:52 nud reachable",
              "ip neigh replace 10.0.1.53 dev a0 lladdr 02:00:00:00:00:53 nud failed"});

    const auto permanent = look_up(lab.netlink, {lab.a0, ip("10.0.1.50")});
    CHECK(permanent->state == NeighbourState::kFresh);
    CHECK(permanent->mac == mac("02:00:00:00:00:50"));

    const auto stale = look_up(lab.netlink, {lab.a0, ip("10.0.1.51")});
    CHECK(stale->state == NeighbourState::kStale);
    CHECK(stale->mac == mac("02:00:00:00:00:51"));

    const auto v6 = look_up(lab.netlink, {lab.a0, ip("2001:db8:1::52")});
    CHECK(v6->state == NeighbourState::kFresh);
    CHECK(v6->mac == mac("02:00:00:00:00:52"));

    const auto failed = look_up(lab.netlink, {lab.a0, ip("10.0.1.53")});
    CHECK(failed->state == NeighbourState::kFailed);
    CHECK_FALSE(failed->mac);

    const auto elsewhere = look_up(lab.netlink, {lab.a1, ip("10.0.1.50")});
    CHECK(elsewhere->state == NeighbourState::kAbsent);
    CHECK_FALSE(elsewhere->mac);
}

TEST_CASE("a solicited neighbour is resolved without traffic") {
    Lab lab;
    auto announcements = Netlink::subscribe(std::array{RTNLGRP_NEIGH});
    const NeighbourId id{lab.a0, ip(GENERATE("10.0.1.11", "2001:db8:1::11"))};
    REQUIRE(look_up(lab.netlink, id)->state == NeighbourState::kAbsent);

    REQUIRE(solicit(lab.netlink, id));

    CHECK(await_state(*announcements, id, NeighbourState::kFresh).mac == mac("02:00:00:00:00:b0"));
}

TEST_CASE("a neighbour that does not answer fails") {
    Lab lab;
    auto announcements = Netlink::subscribe(std::array{RTNLGRP_NEIGH});
    const NeighbourId nobody{lab.a0, ip("10.0.1.99")};

    REQUIRE(solicit(lab.netlink, nobody));

    CHECK(look_up(lab.netlink, nobody)->state == NeighbourState::kResolving);
    CHECK_FALSE(await_state(*announcements, nobody, NeighbourState::kFailed).mac);
}

TEST_CASE("a deleted neighbour is announced as absent") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:50 nud stale"});
    auto announcements = Netlink::subscribe(std::array{RTNLGRP_NEIGH});
    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:51 nud permanent",
              "ip neigh del 10.0.1.50 dev a0"});
    const NeighbourId id{lab.a0, ip("10.0.1.50")};
    CHECK(await_state(*announcements, id, NeighbourState::kFresh).mac == mac("02:00:00:00:00:51"));
    CHECK_FALSE(await_state(*announcements, id, NeighbourState::kAbsent).mac);
}
