// SPDX-License-Identifier: Apache-2.0
#include "maglev/flow_hash.hpp"

#include <catch2/catch.hpp>
#include <numeric>

using namespace guideway;
using namespace guideway::maglev;

namespace {

constexpr std::uint32_t kSize = 65537;

std::array<std::uint8_t, 16> counting_key() {
    std::array<std::uint8_t, 16> key{};
    std::iota(key.begin(), key.end(), std::uint8_t{0});
    return key;
}

std::uint64_t hash_of(const Flow& flow, bool by_client) {
    return flow_hash(flow, counting_key(), by_client);
}

const Flow kFlow4{.source = IpAddress::parse("198.51.100.7").value(),
                  .destination = IpAddress::parse("192.0.2.10").value(),
                  .source_port = 1234,
                  .destination_port = 80,
                  .protocol = 6};
const Flow kFlow6{.source = IpAddress::parse("2001:db8:9::7").value(),
                  .destination = IpAddress::parse("2001:db8:1::10").value(),
                  .source_port = 1234,
                  .destination_port = 443,
                  .protocol = 17};

}  // namespace

TEST_CASE("flows have the golden hashes") {
    CHECK(hash_of(kFlow4, false) == 0x40114acd5814e5b1);
    CHECK(hash_of(kFlow6, false) == 0x79e17eb5b6eac7ac);
}

TEST_CASE("clients have the golden hashes") {
    CHECK(hash_of(kFlow4, true) == 0xabf97319bbc138c5);
    CHECK(hash_of(kFlow6, true) == 0xcb5268699ea77681);
}

TEST_CASE("hashes fall into the golden slots") {
    CHECK(flow_slot(0x40114acd5814e5b1, kSize) == 16401);
    CHECK(flow_slot(0xabf97319bbc138c5, kSize) == 44026);
    CHECK(flow_slot(0x79e17eb5b6eac7ac, kSize) == 31201);
    CHECK(flow_slot(0xcb5268699ea77681, kSize) == 52051);
}

TEST_CASE("by client everything but the source address is ignored") {
    auto other = kFlow4;
    other.destination = IpAddress::parse("192.0.2.11").value();
    other.source_port = 4321;
    other.destination_port = 443;
    other.protocol = 17;
    CHECK(hash_of(other, true) == hash_of(kFlow4, true));
    CHECK(hash_of(other, false) != hash_of(kFlow4, false));
    other.source = IpAddress::parse("198.51.100.8").value();
    CHECK(hash_of(other, true) != hash_of(kFlow4, true));
}
