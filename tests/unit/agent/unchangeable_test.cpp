// SPDX-License-Identifier: Apache-2.0
#include "agent/unchangeable.hpp"

#include <catch2/catch.hpp>

using namespace guideway;
using agent::unchangeable;

namespace {
config::Config services(std::size_t count, config::Affinity affinity) {
    config::Config config;
    for (std::size_t i = 0; i < count; ++i) {
        auto& service = config.services.emplace_back();
        service.name = "s" + std::to_string(i);
        service.affinity = affinity;
    }
    return config;
}
}  // namespace

TEST_CASE("what a reload cannot change is said with its place and the reason") {
    auto running = services(2, config::Affinity::kFlow);
    auto next = running;
    CHECK(unchangeable(running, next).empty());
    next.datapath.max_flows = 1000;
    next.control_group = "operators";
    next.services[1].affinity = config::Affinity::kClient;
    CHECK(
        unchangeable(running, next) ==
        std::vector<std::string>{
            "control_group: does not change by a reload, since the control socket is open; restart the agent",
            "datapath.max_flows: does not change by a reload, since maps would have to be made anew; restart "
            "the agent",
            "services[1].affinity: does not change by a reload, since nearly all flows would move; restart "
            "the agent"});
    next.services[1].name = "another";
    next.datapath = running.datapath;
    next.control_group.clear();
    CHECK(unchangeable(running, next).empty());
}

TEST_CASE("of very much that cannot change a hundred lines are said, and how many more there are") {
    const auto all = [](std::size_t count) {
        return unchangeable(services(count, config::Affinity::kFlow),
                            services(count, config::Affinity::kClient));
    };
    CHECK(all(100).size() == 100);
    CHECK(all(100).back().starts_with("services[99].affinity: "));
    CHECK(all(20000).size() == 101);
    CHECK(all(20000).back() == "and 19900 more that do not change by a reload");
}
