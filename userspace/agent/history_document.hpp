// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/slot_history.hpp"
#include "util/ip_address.hpp"
#include "util/result.hpp"

/// Who owned which slots, as balancers tell each other (`GET /history`) and keep it on disk: history format
/// 1, docs/formats.md. Its times are ages, as clocks differ.
namespace guideway::agent {

/// Of a backend that owned a slot.
struct ToldOwner {
    IpAddress address;
    std::chrono::milliseconds age{0};     ///< since it ceased to own it
    std::chrono::milliseconds tenure{0};  ///< how long it owned it

    bool operator==(const ToldOwner&) const = default;
};

/// Slots of the same owner and the same former ones.
struct ToldSlots {
    std::optional<IpAddress> owner;
    std::chrono::milliseconds tenure{0};  ///< the owner's, up to now
    std::vector<ToldOwner> former;
    std::vector<std::uint32_t> slots;  ///< ascending

    bool operator==(const ToldSlots&) const = default;
};

/// What makes slots of two balancers the same ones.
struct ToldService {
    std::string name;
    bool affinity_client = false;
    std::uint32_t table_size = 0;
    std::vector<ToldSlots> slots;

    bool operator==(const ToldService&) const = default;
};

struct History {
    std::string instance;        ///< of the agent that tells it: revisions are its own
    std::uint32_t revision = 0;  ///< ask for what changed since
    std::int64_t told = 0;       ///< when, milliseconds since 1970; for who reads it from disk
    std::string hash_key;        ///< a fingerprint
    std::vector<ToldService> services;

    bool operator==(const History&) const = default;
};

[[nodiscard]] std::string text_of(const History& history);

/// Errors: it is no such document; it names a slot beyond its table.
[[nodiscard]] Result<History> read_history(const std::string& text);

}  // namespace guideway::agent
