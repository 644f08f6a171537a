// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "control/numbering.hpp"
#include "datapath/datapath.hpp"
#include "util/mac_address.hpp"

namespace guideway::agent {

/// What is wrong with a service whose packets are all dropped for it.
inline constexpr std::string_view kNoNextHopAtAll = "no backend has a next hop";

/// What a balancer finds when it tests its own datapath.
struct SelfTestResult {
    std::string fault;                            ///< why it would forward nothing; empty: it forwards
    std::map<std::string, std::string> services;  ///< by name: why it would forward nothing for this one
    std::vector<std::string> degraded;            ///< what is missing although it forwards, a sentence each

    bool operator==(const SelfTestResult&) const = default;
};

/// Looks whether the program is attached, and has it forward a known packet for each service, which is
/// neither counted nor recorded (its Ethernet source is known to the program alone). A service without
/// available backends tells nothing and has no fault. An interface that is missing is a fault if it is the
/// only one, or of the services that cannot be forwarded without it.
[[nodiscard]] SelfTestResult run_self_test(const config::Config& config, const datapath::Datapath& datapath,
                                           const control::Numbering& numbering);

/// Where a known packet is run.
struct SelfTestPort {
    int program_fd = -1;
    std::uint32_t interface = 0;  ///< index of the one it seems to come from,
    MacAddress link_address;      ///< to this address there
    MacAddress self_test_source;  ///< by which the program knows it
};

/// One service's part of it.
[[nodiscard]] std::string self_test_of(const config::Config& config, const datapath::Maps& maps,
                                       const SelfTestPort& port, const config::Service& service,
                                       std::uint16_t number);

}  // namespace guideway::agent
