// SPDX-License-Identifier: Apache-2.0
#include "doctor/host_findings.hpp"

#include <catch2/catch.hpp>

using namespace guideway::doctor;

TEST_CASE("kernels older than 6.1 are found") {
    for (const char* release : {"6.1.0-18-amd64", "6.1", "6.10.3", "6.18.0", "7.0-rc1"}) {
        INFO(release);
        CHECK(findings_in_kernel(release).empty());
    }
    for (const char* release : {"5.10.0-30-amd64", "6.0.19", "4.19", "", "unknown"}) {
        INFO(release);
        CHECK(findings_in_kernel(release).size() == 1);
    }
}

TEST_CASE("pins that would not live on a BPF file system are found") {
    const auto findings = findings_in_pins("/tmp/pins");
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].what == "/tmp is no BPF file system");
}

TEST_CASE("an interface that is not there is found") {
    const auto findings = findings_in_interfaces({"no-such"});
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].check == "interface");
    CHECK(findings[0].object == "no-such");
}
