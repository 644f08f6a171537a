// SPDX-License-Identifier: Apache-2.0
#include "health/known_way.hpp"

#include <catch2/catch.hpp>

namespace guideway::health {

namespace {
using Cause = net::NoNextHop::Cause;

NextHopOrReason next_hop(std::uint8_t mac) {
    net::NextHop next_hop;
    next_hop.ifindex = 2;
    next_hop.mac.bytes[5] = mac;
    return next_hop;
}

NextHopOrReason none(Cause cause) {
    return std::unexpected(net::NoNextHop{"somehow", cause});
}
}  // namespace

TEST_CASE("what is not known yet is nobody's fault") {
    const KnownWay way;
    CHECK(way.trouble()->verdict == Verdict::kNotTried);
}

TEST_CASE("a backend on the link that answers no ARP is to blame; whatever else is missing, this host is") {
    KnownWay way;
    way.set(none(Cause::kSilent));
    CHECK(way.trouble()->verdict == Verdict::kBad);
    for (const auto cause : {Cause::kHost, Cause::kGatewaySilent, Cause::kLocal, Cause::kUnusable}) {
        way.set(none(cause));
        CHECK(way.trouble()->verdict == Verdict::kNotTried);
    }
    way.set(next_hop(1));
    CHECK_FALSE(way.trouble());
}

TEST_CASE("a way that this host loses, finds or changes is told from a neighbour that falls silent") {
    KnownWay way;
    way.set(next_hop(1));
    const auto begin = way.changes();
    way.set(none(Cause::kSilent));
    way.set(next_hop(1));
    CHECK(way.changes() == begin);
    way.set(none(Cause::kHost));
    CHECK(way.changes() == begin + 1);
    way.set(next_hop(1));
    CHECK(way.changes() == begin + 2);
    CHECK_FALSE(way.set(next_hop(1)));
    CHECK(way.changes() == begin + 2);
    way.set(next_hop(2));
    CHECK(way.changes() == begin + 3);
}

}  // namespace guideway::health
