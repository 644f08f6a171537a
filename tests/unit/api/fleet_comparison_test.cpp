// SPDX-License-Identifier: Apache-2.0
#include "api/fleet_comparison.hpp"

#include <catch2/catch.hpp>

using namespace guideway;
using namespace guideway::api;

namespace {
using Json = nlohmann::ordered_json;
using Names = std::vector<std::string>;

Json backend(const std::string& address, int weight = 100, double availability = 1) {
    return {{"address", address},
            {"weight", weight},
            {"state", availability > 0 ? "up" : "down"},
            {"availability", availability},
            {"by_hand", false}};
}

Json service(const std::string& name, const std::string& base_digest, const std::string& digest,
             const Json& backends) {
    return {{"name", name}, {"base_digest", base_digest}, {"digest", digest}, {"backends", backends}};
}

Json status(const Json& services, const std::string& fingerprint = "f1") {
    return {{"agent", {{"fingerprint", fingerprint}}}, {"services", services}};
}

const Json kTwo = Json::array({backend("10.0.0.1"), backend("10.0.0.2")});
const Json kUsual = status(Json::array({service("web", "b1", "d1", kTwo)}));
}  // namespace

TEST_CASE("balancers that say the same are alike") {
    CHECK(compare({{"a", kUsual}, {"b", kUsual}, {"c", kUsual}}).empty());
    CHECK(compare({}).empty());
}

TEST_CASE("who does not answer is a difference, and the others are compared") {
    const auto found = compare({{"a", kUsual}, {"b", fail("ask b: no")}, {"c", kUsual}});
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == "answer");
    CHECK(found[0].odd == Names{"b"});
    CHECK(found[0].members.contains("ask b: no"));
}

TEST_CASE("another fingerprint is told, and who is odd") {
    const auto other = status(kUsual["services"], "f2");
    const auto found = compare({{"a", kUsual}, {"b", other}, {"c", kUsual}});
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == "fingerprint");
    CHECK(found[0].odd == Names{"b"});
    CHECK(found[0].members.at("f1") == Names{"a", "c"});
}

TEST_CASE("of two that differ nobody is odd") {
    const auto found = compare({{"a", kUsual}, {"b", status(kUsual["services"], "f2")}});
    REQUIRE(found.size() == 1);
    CHECK(found[0].odd.empty());
}

TEST_CASE("a service that one lacks is told alone") {
    const auto found = compare({{"a", kUsual}, {"b", kUsual}, {"c", status(Json::array())}});
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == "service");
    CHECK(found[0].service == "web");
    CHECK(found[0].members.at("missing") == Names{"c"});
}

TEST_CASE("tables of other backends or weights name these") {
    const auto changed = Json::array({backend("10.0.0.1", 50), backend("10.0.0.3")});
    const auto other = status(Json::array({service("web", "b2", "d2", changed)}));
    const auto found = compare({{"a", kUsual}, {"b", other}, {"c", kUsual}});
    REQUIRE(found.size() == 3);
    CHECK(found[0].what == "configuration");
    CHECK(found[0].backend == "10.0.0.1");
    CHECK(found[0].members.at("weight 50") == Names{"b"});
    CHECK(found[1].backend == "10.0.0.2");
    CHECK(found[1].members.at("missing") == Names{"b"});
    CHECK(found[2].backend == "10.0.0.3");
    CHECK(found[2].odd == Names{"b"});
}

TEST_CASE("a backend that is judged otherwise is named") {
    const auto judged = Json::array({backend("10.0.0.1"), backend("10.0.0.2", 100, 0)});
    const auto other = status(Json::array({service("web", "b1", "d2", judged)}));
    const auto found = compare({{"a", kUsual}, {"b", other}, {"c", kUsual}});
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == "health");
    CHECK(found[0].backend == "10.0.0.2");
    CHECK(found[0].members.at("down, 0%") == Names{"b"});
    CHECK(found[0].members.at("up, 100%") == Names{"a", "c"});
}

TEST_CASE("tables that differ although no backend does are told as they are") {
    const auto other = status(Json::array({service("web", "b1", "d2", kTwo)}));
    const auto found = compare({{"a", kUsual}, {"b", other}});
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == "table");
    CHECK(found[0].members.at("d2") == Names{"b"});
}
