// SPDX-License-Identifier: Apache-2.0
#include "control/fingerprint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <catch2/catch.hpp>
#include <span>
#include <string>

#include "util/keyed_digest.hpp"

using namespace guideway;

namespace {
config::Config some_config() {
    config::Config config;
    config.hash_key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    auto& service = config.services.emplace_back();
    service.listeners.push_back({*IpAddress::parse("192.0.2.10"), 80, config::Protocol::kTcp, false});
    return config;
}
}  // namespace

TEST_CASE("a keyed digest is half of HMAC-SHA-256: RFC 4231, test case 2") {
    constexpr std::uint8_t kKey[] = {'J', 'e', 'f', 'e'};
    CHECK(fmt::format("{:02x}", fmt::join(keyed_digest(kKey, "what do ya want for nothing?"), "")) ==
          "5bdcc146bf60754e6a042426089575c7");
}

TEST_CASE("a fingerprint tells what flows are placed by, and is 32 hex digits") {
    const auto config = some_config();
    const auto of_this = control::fingerprint(config);
    CHECK(of_this.size() == 32);
    CHECK(of_this.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(control::fingerprint(config) == of_this);

    auto other = config;
    other.hash_key[15] ^= 1;
    CHECK(control::fingerprint(other) != of_this);
    other = config;
    other.services[0].affinity = config::Affinity::kClient;
    CHECK(control::fingerprint(other) != of_this);
    other = config;
    other.datapath.table_size = 251;
    CHECK(control::fingerprint(other) != of_this);
    other = config;
    other.services[0].listeners[0].port = 81;
    CHECK(control::fingerprint(other) != of_this);
    other = config;
    other.services[0].name = "another name";
    CHECK(control::fingerprint(other) == of_this);
}
