// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "config/parser.hpp"
#include "control/replayer.hpp"
#include "datapath/flow_records.hpp"
#include "datapath/verdict_names.hpp"
#include "frame.hpp"

namespace guideway::test {

/// `services` in the configuration's language, with what every configuration needs around it.
inline config::Config configure(const std::string& services, const std::string& datapath = "") {
    const auto parsed = config::parse(
        "interfaces: [eth0]\n"
        "hash_key: '000102030405060708090a0b0c0d0e0f'\n"
        "datapath: {source: 10.9.9.9, source6: '2001:db8:9:9::9'" +
            datapath +
            "}\n"
            "services:\n" +
            services,
        "test.yaml");
    for (const auto& error : parsed.errors)
        FAIL(error.text());
    return parsed.config;
}

inline std::unique_ptr<control::Replayer> balancer(const config::Config& config) {
    auto created = control::Replayer::create(config);
    if (!created)
        FAIL(created.error().message);
    return std::move(*created);
}

inline control::Outcome run(const control::Replayer& replayer, const Frame& frame) {
    auto outcome = replayer.run(frame);
    if (!outcome)
        FAIL(outcome.error().message);
    return std::move(*outcome);
}

/// A whole pass over the flow records, as the agent makes them while slots move.
inline void sweep(control::Replayer& replayer, control::TimePoint now) {
    auto& reconciler = replayer.reconciler();
    REQUIRE(reconciler.begin_sweep(now));
    datapath::FlowScan scan(replayer.maps());
    while (!scan.done()) {
        const auto entries = scan.next();
        REQUIRE(entries);
        REQUIRE(reconciler.sweep(*entries));
    }
    reconciler.end_sweep();
}

/// The verdict's name: what a reader of a failed test wants to see.
inline std::string verdict_of(const control::Replayer& replayer, const Frame& frame) {
    return std::string(datapath::verdict_name(run(replayer, frame).verdict));
}

}  // namespace guideway::test
