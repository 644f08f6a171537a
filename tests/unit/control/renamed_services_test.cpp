// SPDX-License-Identifier: Apache-2.0
#include "control/renamed_services.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace guideway;
using namespace guideway::control;

namespace {
using Renamed = std::map<std::string, std::string>;

ServiceTraits service(const char* name, std::vector<std::string> listeners,
                      const std::vector<const char*>& backends) {
    ServiceTraits traits{name, std::move(listeners), {}};
    for (const char* backend : backends)
        traits.backends.push_back(*IpAddress::parse(backend));
    return traits;
}

const std::string kWeb = "192.0.2.10:80/tcp";
const std::string kTls = "192.0.2.10:443/tcp";
const std::string kDns = "192.0.2.11:53/udp";
}  // namespace

TEST_CASE("a service whose name alone changes is recognised by its listeners") {
    const auto before = std::vector{service("web", {kWeb, kTls}, {"10.0.0.1"})};
    CHECK(renamed_services(before, {service("www", {kTls, kWeb}, {"10.0.0.9"})}) == Renamed{{"www", "web"}});
}

TEST_CASE("a service that keeps its name is the same, whatever else has changed") {
    const auto before = std::vector{service("a", {kWeb}, {"10.0.0.1"}), service("b", {kTls}, {"10.0.0.2"})};
    CHECK(renamed_services(before, before).empty());
    CHECK(renamed_services(before, {service("a", {kWeb}, {"10.0.0.1"}), service("c", {kDns}, {"10.0.0.1"})})
              .empty());
    CHECK(renamed_services(before, {service("a", {kDns}, {"10.0.0.9"}), service("b", {kTls}, {"10.0.0.1"})})
              .empty());
}

TEST_CASE("services that exchange their listeners have exchanged their names") {
    const auto before = std::vector{service("a", {kWeb}, {"10.0.0.1"}), service("b", {kTls}, {"10.0.0.2"})};
    CHECK(renamed_services(before, {service("a", {kTls}, {"10.0.0.2"}),
                                    service("b", {kWeb}, {"10.0.0.1"})}) == Renamed{{"a", "b"}, {"b", "a"}});
}

TEST_CASE("who has the name that another one gets is set aside, and gets its own back") {
    const Renamed renames = without_collisions({{"b", "a"}}, {"a", "b"});
    CHECK(renames == Renamed{{"b", "a"}, {"b (replaced)", "b"}});
    std::map<std::string, int> numbers{{"a", 1}, {"b", 2}};
    rename_keys(numbers, renames);
    CHECK(numbers == std::map<std::string, int>{{"b", 1}, {"b (replaced)", 2}});
    rename_keys(numbers, inverse(renames));
    CHECK(numbers == std::map<std::string, int>{{"a", 1}, {"b", 2}});
}

TEST_CASE("listeners tell more than backends do") {
    const auto before = std::vector{service("a", {kWeb}, {"10.0.0.1"}), service("b", {kTls}, {"10.0.0.2"})};
    const auto after = std::vector{service("x", {kTls}, {"10.0.0.1"}), service("y", {kWeb}, {"10.0.0.2"})};
    CHECK(renamed_services(before, after) == Renamed{{"x", "b"}, {"y", "a"}});
}

TEST_CASE("of a service that is divided, the part with most of its listeners is the same") {
    const std::string more = "192.0.2.10:8080/tcp";
    const auto before = std::vector{service("web", {kWeb, kTls, more}, {"10.0.0.1"})};
    const auto after =
        std::vector{service("a", {more}, {"10.0.0.1"}), service("b", {kWeb, kTls}, {"10.0.0.1"})};
    CHECK(renamed_services(before, after) == Renamed{{"b", "web"}});
}

TEST_CASE("a service with another name and other listeners is recognised by most of its backends") {
    const auto before = std::vector{service("web", {kWeb}, {"10.0.0.1", "10.0.0.2", "10.0.0.3"})};
    CHECK(renamed_services(before, {service("www", {kTls}, {"10.0.0.2", "10.0.0.1"})}) ==
          Renamed{{"www", "web"}});
    CHECK(renamed_services(before, {service("www", {kTls}, {"10.0.0.1"})}).empty());
    CHECK(renamed_services(before, {service("www", {kTls}, {})}).empty());
}

TEST_CASE("the order of services, listeners and backends makes no difference to what is recognised") {
    auto before = std::vector{service("a", {kWeb, kDns}, {"10.0.0.1", "10.0.0.2"}),
                              service("b", {kTls}, {"10.0.0.1", "10.0.0.2"})};
    auto after = std::vector{service("x", {"192.0.2.12:1/tcp"}, {"10.0.0.2", "10.0.0.1"}),
                             service("y", {kDns, kWeb}, {})};
    const Renamed wanted{{"x", "b"}, {"y", "a"}};
    CHECK(renamed_services(before, after) == wanted);
    std::ranges::reverse(before);
    std::ranges::reverse(after);
    std::ranges::reverse(after.front().listeners);
    CHECK(renamed_services(before, after) == wanted);
}

TEST_CASE("a new service that takes over listeners of another one is its heir") {
    const auto before =
        std::vector{service("web", {kWeb, kTls}, {"10.0.0.1"}), service("dns", {kDns}, {"10.0.0.2"})};
    const auto after = std::vector{service("web", {kWeb}, {"10.0.0.1"}), service("tls", {kTls}, {"10.0.0.1"}),
                                   service("names", {kDns}, {"10.0.0.2"}), service("new", {}, {"10.0.0.1"})};
    const auto renamed = renamed_services(before, after);
    CHECK(renamed == Renamed{{"names", "dns"}});
    CHECK(heirs(before, after, renamed) == Renamed{{"tls", "web"}});
}
