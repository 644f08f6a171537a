// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "support.hpp"

namespace guideway::config {

namespace {

/// What is reported as not built for a service with one more line, without the position.
std::string unbuilt(const std::string& line) {
    const Parsed parsed =
        parse_service("    listen: [\"192.0.2.10:80/tcp\"]\n    backends: []\n    " + line + "\n");
    CHECK(texts(parsed.errors).empty());
    if (parsed.unbuilt.empty())
        return "";
    return parsed.unbuilt[0].path + ": " + parsed.unbuilt[0].message;
}

}  // namespace

TEST_CASE("a value that needs nothing is not reported") {
    CHECK(unbuilt("encapsulation: gre").empty());
    CHECK(unbuilt("deny: [10.0.0.0/8]").empty());
    CHECK(unbuilt("allow: [0.0.0.0/0]").empty());
}

TEST_CASE("a value with an error is not reported as missing a feature as well") {
    const Parsed parsed =
        parse_service("    listen: [\"192.0.2.10:80/tcp\"]\n    backends: []\n    max_drain: 0\n");
    CHECK(parsed.errors.size() == 1);
    CHECK(parsed.unbuilt.empty());
}

TEST_CASE("a second interface is reported as not built yet") {
    const Parsed parsed =
        parse_text("interfaces: [eth0, eth1]\nhash_key: 000102030405060708090a0b0c0d0e0f\nservices: []\n");
    CHECK(texts(parsed.errors).empty());
    CHECK(texts(parsed.unbuilt) ==
          std::vector<std::string>{"a.yaml:1:20: interfaces[1]: more than one interface is not built yet"});
}

}  // namespace guideway::config
