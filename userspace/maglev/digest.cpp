// SPDX-License-Identifier: Apache-2.0
#include "maglev/digest.hpp"

#define XXH_STATIC_LINKING_ONLY
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>

namespace guideway::maglev {

namespace {

constexpr std::size_t kSlotsPerUpdate = 256;

void add_size(XXH3_state_t& state, std::uint32_t size) {
    std::array<std::uint8_t, 4> bytes{};
    for (std::size_t index = 0; index < bytes.size(); ++index)
        bytes[index] = static_cast<std::uint8_t>(size >> (8 * index));
    XXH3_128bits_update(&state, bytes.data(), bytes.size());
}

std::string to_text(XXH128_hash_t hash) {
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace

std::string table_digest(std::span<const Member> members, std::span<const std::uint16_t> owners) {
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    add_size(state, static_cast<std::uint32_t>(owners.size()));

    std::array<IpAddress::Bytes, kSlotsPerUpdate> addresses;
    while (!owners.empty()) {
        const auto slots = owners.first(std::min(owners.size(), kSlotsPerUpdate));
        std::ranges::transform(slots, addresses.begin(), [&](std::uint16_t owner) {
            return owner == kNobody ? IpAddress::Bytes{} : members[owner].address.bytes();
        });
        XXH3_128bits_update(&state, addresses.data(), slots.size() * sizeof(addresses[0]));
        owners = owners.subspan(slots.size());
    }
    return to_text(XXH3_128bits_digest(&state));
}

std::string text_digest(std::string_view text) {
    return to_text(XXH3_128bits(text.data(), text.size()));
}

}  // namespace guideway::maglev
