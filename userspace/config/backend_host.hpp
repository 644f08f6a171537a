// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/model.hpp"

namespace guideway::config {

constexpr const char* kDefaultBackendRuntimeDir = "/run/guideway-backend";
constexpr const char* kDefaultBackendPins = "/sys/fs/bpf/guideway-backend";

/// The configuration of a host that serves VIPs behind the balancers.
struct BackendHost {
    std::vector<std::string> interfaces;
    std::vector<Prefix> vips;         ///< of full length: an address; others: pools of addresses
    std::vector<Prefix> balancers;    ///< of their outer sources
    std::vector<IpAddress> backends;  ///< the other ones, to which packets may be handed on
    bool addresses = true;            ///< this host is made to take packets for the VIPs
    std::string runtime_dir = kDefaultBackendRuntimeDir;
    std::string pins = kDefaultBackendPins;
    std::optional<Endpoint> http;

    bool operator==(const BackendHost&) const = default;
};

}  // namespace guideway::config
