// SPDX-License-Identifier: Apache-2.0
#include "bgp/lease.hpp"

#include <catch2/catch.hpp>

namespace guideway::bgp {

namespace {

using namespace std::chrono_literals;

const Lease::Time kStart = Lease::Time() + 1h;

}  // namespace

TEST_CASE("ExaBGP may go on for as long as it is held after the last word of its agent") {
    Lease lease;
    lease.set_hold(30s);
    lease.connected(kStart);
    lease.beat(true, kStart + 2s);
    CHECK(lease.has_agent(kStart + 2s));
    CHECK(lease.alone(kStart + 2s) == 0s);
    lease.disconnected(kStart + 3s);
    CHECK_FALSE(lease.has_agent(kStart + 3s));
    CHECK(lease.ends() == kStart + 33s);
    CHECK(lease.alone(kStart + 5s) == 2s);
    lease.connected(kStart + 10s);
    CHECK(lease.has_agent(kStart + 10s));
}

TEST_CASE("without a hold it ends with its agent") {
    Lease lease;
    lease.connected(kStart);
    lease.beat(true, kStart + 2s);
    lease.disconnected(kStart + 3s);
    CHECK(lease.ends() == kStart + 3s);
}

TEST_CASE("an agent whose loop does not turn is none, ten seconds later") {
    Lease lease;
    lease.connected(kStart);
    lease.beat(true, kStart);
    CHECK(lease.has_agent(kStart + 9s));
    CHECK_FALSE(lease.has_agent(kStart + 10s));
    CHECK(lease.ends() == kStart + 10s);
    lease.set_hold(30s);
    CHECK(lease.ends() == kStart + 30s);
    lease.beat(true, kStart + 20s);  // it goes on
    CHECK(lease.has_agent(kStart + 20s));
    // Killed after it was stopped: that it was gone is not forgotten.
    lease.disconnected(kStart + 45s);
    CHECK(lease.alone(kStart + 45s) == 15s);
    CHECK(lease.ends() == kStart + 50s);
}

TEST_CASE("agents that die before they know what to announce extend nothing") {
    Lease lease;
    lease.set_hold(30s);
    lease.connected(kStart);
    lease.beat(true, kStart);
    lease.disconnected(kStart);
    for (auto at = kStart + 5s; at < kStart + 60s; at += 5s) {
        lease.connected(at);
        lease.beat(false, at + 1s);
        lease.disconnected(at + 2s);
    }
    CHECK(lease.ends() == kStart + 57s);  // with the last of them
    lease.connected(kStart + 60s);
    lease.beat(false, kStart + 61s);
    CHECK(lease.has_agent(kStart + 61s));  // one that is there is trusted
    lease.beat(true, kStart + 62s);
    lease.disconnected(kStart + 63s);
    CHECK(lease.ends() == kStart + 93s);
}

TEST_CASE("one that never knew holds nothing") {
    Lease lease;
    lease.set_hold(30s);
    lease.connected(kStart);
    lease.beat(false, kStart + 1s);
    lease.disconnected(kStart + 2s);
    CHECK(lease.ends() == kStart + 2s);
}

}  // namespace guideway::bgp
