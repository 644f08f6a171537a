// SPDX-License-Identifier: Apache-2.0
#include "control/conditions.hpp"

#include <catch2/catch.hpp>

using namespace guideway;
using namespace guideway::control;
using namespace std::chrono_literals;
using config::BackendState;

namespace {
const TimePoint kStart{1h};

config::Backend backend(const char* address, BackendState state = BackendState::kUp) {
    config::Backend made;
    made.address = *IpAddress::parse(address);
    made.name = std::string("name-of-") + address;
    made.state = state;
    return made;
}

config::Config fleet(std::vector<config::Backend> backends, std::chrono::milliseconds slow_start = 0s) {
    config::Config config;
    auto& service = config.services.emplace_back();
    service.name = "web";
    service.slow_start = slow_start;
    service.backends = std::move(backends);
    return config;
}

BackendId id(const char* address) {
    return {"web", *IpAddress::parse(address)};
}
}  // namespace

TEST_CASE("a configured state decides: drain keeps the flows, down does not") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1"), backend("10.0.0.2", BackendState::kDrain),
                                backend("10.0.0.3", BackendState::kDown)}),
                         kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart) == Condition{});
    CHECK(conditions.at(id("10.0.0.2"), kStart) == Condition{0, true, BackendState::kDrain});
    CHECK(conditions.at(id("10.0.0.3"), kStart) == Condition{0, false, BackendState::kDown});
}

TEST_CASE("what is said by hand holds until it is taken back, and is forgotten with the backend") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1"), backend("10.0.0.2")}), kStart);
    conditions.set_overrides({.drained = {id("10.0.0.1"), id("10.0.0.9")}, .disabled = {id("10.0.0.2")}},
                             kStart);
    CHECK(conditions.overrides().drained == std::set{id("10.0.0.1")});
    CHECK(conditions.at(id("10.0.0.1"), kStart) == Condition{0, true, BackendState::kDrain});
    CHECK(conditions.at(id("10.0.0.2"), kStart) == Condition{0, false, BackendState::kDown});
    conditions.configure(fleet({backend("10.0.0.2")}), kStart);
    CHECK(conditions.overrides().drained.empty());
    conditions.set_overrides({}, kStart);
    CHECK(conditions.at(id("10.0.0.2"), kStart) == Condition{});
}

TEST_CASE("with on_down: keep a disabled backend keeps its flows, one that is configured down does not") {
    auto config = fleet({backend("10.0.0.1"), backend("10.0.0.2", BackendState::kDown)});
    config.services[0].on_down = config::OnDown::kKeep;
    Conditions conditions;
    conditions.configure(config, kStart);
    conditions.set_overrides({.drained = {}, .disabled = {id("10.0.0.1"), id("10.0.0.2")}}, kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart).alive);
    CHECK_FALSE(conditions.at(id("10.0.0.2"), kStart).alive);
}

TEST_CASE("backends are found by name and by address, in one service or in all") {
    auto config = fleet({backend("10.0.0.1")});
    config.services.push_back(config.services[0]);
    config.services[1].name = "api";
    Conditions conditions;
    conditions.configure(config, kStart);
    CHECK(conditions.find("10.0.0.1", {})->size() == 2);
    CHECK(conditions.find("name-of-10.0.0.1", "web")->size() == 1);
    CHECK(conditions.find("10.0.0.7", {}).error().message ==
          "no service has a backend '10.0.0.7'; `guideway backends` lists them");
    CHECK(conditions.find("10.0.0.1", "mail").error().message ==
          "service 'mail' has no backend '10.0.0.1'; `guideway backends` lists them");
}

TEST_CASE(
    "an order by a name is about a host's IPv4 and its IPv6 address, one by an address about that alone") {
    auto config = fleet({backend("10.0.0.1"), backend("10.0.0.2")});
    config.services.push_back(config.services[0]);
    config.services[1].name = "web6";
    config.services[1].backends = {backend("2001:db8::1")};
    config.services[1].backends[0].name = config.services[0].backends[0].name;
    Conditions conditions;
    conditions.configure(config, kStart);
    const BackendId v6{"web6", *IpAddress::parse("2001:db8::1")};
    CHECK(conditions.find("name-of-10.0.0.1", {}).value() == std::vector{id("10.0.0.1"), v6});
    CHECK(conditions.find("name-of-10.0.0.1", "web6").value() == std::vector{v6});
    CHECK(conditions.find("10.0.0.1", {}).value() == std::vector{id("10.0.0.1")});
    CHECK(conditions.find("2001:db8::1", {}).value() == std::vector{v6});
}

TEST_CASE("a backend that comes up gets its share in 32 steps, linear over slow_start") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1", BackendState::kDown)}, 32s), kStart);
    CHECK_FALSE(conditions.next_step(kStart));
    conditions.configure(fleet({backend("10.0.0.1")}, 32s), kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart).availability == 8);
    CHECK(conditions.next_step(kStart) == kStart + 1s);
    CHECK(conditions.at(id("10.0.0.1"), kStart + 1s).availability == 16);
    CHECK(conditions.at(id("10.0.0.1"), kStart + 15s + 500ms).availability == 128);
    CHECK(conditions.next_step(kStart + 15s + 500ms) == kStart + 16s);
    CHECK(conditions.at(id("10.0.0.1"), kStart + 31s).availability == 256);
    CHECK_FALSE(conditions.next_step(kStart + 31s));
}

TEST_CASE("so does one that is new in a service, is enabled or undrained; but not a whole new service") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1")}, 32s), kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart).availability == 256);
    conditions.configure(fleet({backend("10.0.0.1"), backend("10.0.0.2")}, 32s), kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart).availability == 256);
    CHECK(conditions.at(id("10.0.0.2"), kStart).availability == 8);
    conditions.set_overrides({.drained = {id("10.0.0.1")}, .disabled = {}}, kStart + 40s);
    conditions.set_overrides({}, kStart + 50s);
    CHECK(conditions.at(id("10.0.0.1"), kStart + 50s).availability == 8);
    CHECK(conditions.at(id("10.0.0.2"), kStart + 50s).availability == 256);
}

TEST_CASE("a slow start goes on where an earlier agent had brought it") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1")}, 32s), kStart);
    conditions.resume(id("10.0.0.1"), 128, kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart).availability == 128);
    CHECK(conditions.at(id("10.0.0.1"), kStart + 1s).availability == 136);
}

TEST_CASE("what failed keeps its flows until it is dead, and with on_down: keep beyond that") {
    auto config = fleet({backend("10.0.0.1"), backend("10.0.0.2", BackendState::kDrain)});
    Conditions conditions;
    conditions.configure(config, kStart);
    conditions.set_failed(id("10.0.0.1"), kStart);
    conditions.set_failed(id("10.0.0.2"), kStart);
    const Condition down{0, true, BackendState::kDown}, dead{0, false, BackendState::kDown};
    CHECK(conditions.changed(kStart) ==
          std::map<BackendId, Condition>{{id("10.0.0.1"), down}, {id("10.0.0.2"), down}});
    conditions.set_dead(id("10.0.0.1"));
    CHECK(conditions.changed(kStart) == std::map<BackendId, Condition>{{id("10.0.0.1"), dead}});
    CHECK(conditions.ordered_state(id("10.0.0.1")) == BackendState::kUp);
    CHECK(conditions.ordered_state(id("10.0.0.2")) == BackendState::kDrain);
    config.services[0].on_down = config::OnDown::kKeep;
    conditions.configure(config, kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart) == Condition{0, true, BackendState::kDown});
    conditions.clear_failed(id("10.0.0.2"), ComesUp::kSlowly, kStart);
    CHECK(conditions.at(id("10.0.0.2"), kStart) == Condition{0, true, BackendState::kDrain});
}

TEST_CASE("what serves again is not dead, and nothing but health is not health's word") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1"), backend("10.0.0.2")}), kStart);
    conditions.set_failed(id("10.0.0.1"), kStart);
    conditions.set_dead(id("10.0.0.1"));
    conditions.clear_failed(id("10.0.0.1"), ComesUp::kSlowly, kStart);
    conditions.set_failed(id("10.0.0.1"), kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart).alive);
    conditions.set_overrides({.drained = {}, .disabled = {id("10.0.0.2")}}, kStart);
    CHECK_FALSE(conditions.at(id("10.0.0.2"), kStart).alive);
}

TEST_CASE("a renamed service keeps what is known of its backends") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1"), backend("10.0.0.2")}), kStart);
    conditions.set_overrides({.drained = {id("10.0.0.2")}, .disabled = {}}, kStart);
    conditions.set_failed(id("10.0.0.1"), kStart);
    conditions.set_dead(id("10.0.0.1"));
    auto renamed = fleet({backend("10.0.0.1"), backend("10.0.0.2")});
    renamed.services[0].name = "www";
    conditions.rename({{"www", "web"}});
    conditions.configure(renamed, kStart);
    const auto now = [](const char* address) { return BackendId{"www", *IpAddress::parse(address)}; };
    CHECK(conditions.at(now("10.0.0.1"), kStart) == Condition{0, false, BackendState::kDown});
    CHECK(conditions.at(now("10.0.0.2"), kStart) == Condition{0, true, BackendState::kDrain});
    CHECK(conditions.overrides().drained.contains(now("10.0.0.2")));
}

TEST_CASE("what failed comes up slowly, but in panic at once") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1"), backend("10.0.0.2")}, 32s), kStart);
    conditions.set_failed(id("10.0.0.1"), kStart);
    conditions.set_failed(id("10.0.0.2"), kStart);
    conditions.clear_failed(id("10.0.0.1"), ComesUp::kSlowly, kStart);
    conditions.clear_failed(id("10.0.0.2"), ComesUp::kAtOnce, kStart);
    CHECK(conditions.at(id("10.0.0.1"), kStart).availability == 8);
    CHECK(conditions.at(id("10.0.0.2"), kStart).availability == 256);
    conditions.set_failed(id("10.0.0.1"), kStart + 1s);
    CHECK(conditions.at(id("10.0.0.1"), kStart + 1s).availability == 0);
}

TEST_CASE("what is new and not judged yet is down from the start, and what is gone is forgotten") {
    Conditions conditions;
    conditions.configure(fleet({backend("10.0.0.1")}, 32s), kStart);
    conditions.set_failed(id("10.0.0.2"), kStart);
    conditions.configure(fleet({backend("10.0.0.1"), backend("10.0.0.2")}, 32s), kStart);
    CHECK(conditions.at(id("10.0.0.2"), kStart).availability == 0);
    conditions.clear_failed(id("10.0.0.2"), ComesUp::kSlowly, kStart);
    CHECK(conditions.at(id("10.0.0.2"), kStart).availability == 8);
    conditions.set_failed(id("10.0.0.2"), kStart);
    conditions.configure(fleet({backend("10.0.0.1")}, 32s), kStart);
    CHECK(conditions.failed().empty());
}
