// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/types.h>

#include <cstddef>
#include <cstdint>

#include "util/ip_address.hpp"

/// The structures of include/guideway/, as the kernel programs see them.
namespace guideway::abi {

// clang-format off
#include <guideway/abi.h>
#include <guideway/backend.h>
#include <guideway/chance.h>
#include <guideway/client_filter.h>
#include <guideway/decap.h>
#include <guideway/decision.h>
#include <guideway/flow.h>
#include <guideway/flow_record.h>
#include <guideway/fragment.h>
#include <guideway/link_address.h>
#include <guideway/listener.h>
#include <guideway/probe.h>
#include <guideway/service.h>
#include <guideway/stats.h>
#include <guideway/verdict.h>
#include <guideway/wire.h>
// clang-format on

static_assert(sizeof(address) == 16);
static_assert(sizeof(listener) == 32);
static_assert(sizeof(listener_index) == 32 + 32 * LISTENER_SLOTS_MAX);
static_assert(sizeof(service) == 88);
static_assert(sizeof(backend) == 64);
static_assert(offsetof(backend, next_hop_mac) % 8 == 0 && offsetof(backend, interface_mac) % 8 == 0);
static_assert(sizeof(probe_route) == 56);
static_assert(sizeof(flow_id) == 40 && sizeof(flow_record) == 16);
static_assert(sizeof(client_prefix) == 24 && sizeof(fragment_id) == 40 && sizeof(fragment_record) == 24);
static_assert(sizeof(service_counters) == 40 && offsetof(service_counters, traffic) == 0);
static_assert(sizeof(link_address) == 12);
static_assert(sizeof(traffic) == 24 && sizeof(verdict_count) == 16);

[[nodiscard]] inline address to_abi(const IpAddress& ip) {
    address result{};
    __builtin_memcpy(result.bytes, ip.bytes().data(), sizeof(result.bytes));
    return result;
}

[[nodiscard]] inline IpAddress from_abi(const address& abi_address) {
    return IpAddress::from_network(abi_address.bytes, false);
}

}  // namespace guideway::abi
