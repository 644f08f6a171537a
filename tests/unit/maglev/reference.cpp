// SPDX-License-Identifier: Apache-2.0
#include "reference.hpp"

#include <xxhash.h>

#include <algorithm>
#include <string>

namespace guideway::maglev::reference {

namespace {

std::uint64_t hash(const Member& member, std::uint64_t seed) {
    const auto identity = member.address.text();
    return XXH3_64bits_withSeed(identity.data(), identity.size(), seed);
}

std::uint64_t splitmix64_finalizer(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/// The serving table while it is being filled.
struct Filling {
    const Base& base;
    std::uint64_t size;
    std::vector<std::uint64_t> effective;
    std::uint64_t effective_sum = 0;
    std::vector<bool> kept;
    std::vector<std::uint64_t> loads;
    std::vector<std::uint16_t> owners;

    std::uint64_t cap(std::size_t member) const {
        const auto divisor = 100 * effective_sum;
        return (102 * size * effective[member] + divisor - 1) / divisor;
    }

    std::uint16_t highest_hash(std::uint64_t slot) const {
        std::uint64_t highest = 0;
        std::uint16_t found = 0;
        for (std::size_t member = 0; member < base.members.size(); ++member) {
            const auto value = splitmix64_finalizer(slot ^ base.identity_hashes[member]);
            if (effective[member] > 0 && value >= highest) {
                highest = value;
                found = static_cast<std::uint16_t>(member);
            }
        }
        return found;
    }

    std::uint16_t probe(std::uint64_t slot) const {
        unsigned full = 0;
        for (std::uint64_t i = 1; i <= 1024; ++i) {
            const auto x = splitmix64_finalizer(slot + i * 0x9E3779B97F4A7C15);
            const auto candidate = ((x >> 32) * size) >> 32;
            if (!kept[candidate])
                continue;
            const auto owner = base.owners[candidate];
            if (full == 400 || loads[owner] < cap(owner))
                return owner;
            ++full;
        }
        return highest_hash(slot);
    }
};

}  // namespace

Base base_table(std::vector<Member> members, std::uint32_t size) {
    std::ranges::sort(members, {}, [](const Member& member) { return member.address.text(); });
    Base base{.members = members, .identity_hashes = {}, .owners = {}, .slots = {}};
    base.owners.assign(size, kNobody);
    base.slots.resize(members.size());
    std::uint64_t largest = 0;
    for (const auto& member : members) {
        base.identity_hashes.push_back(hash(member, 0));
        largest = std::max<std::uint64_t>(largest, member.weight);
    }
    if (largest == 0)
        return base;

    std::vector<std::uint64_t> credit(members.size());
    std::vector<std::uint64_t> next(members.size());
    for (std::uint32_t claimed = 0; claimed < size;)
        for (std::size_t member = 0; member < members.size() && claimed < size; ++member) {
            credit[member] += members[member].weight;
            if (credit[member] < largest)
                continue;
            credit[member] -= largest;
            const auto offset = base.identity_hashes[member] % size;
            const auto skip = hash(members[member], 1) % (size - 1) + 1;
            auto slot = (offset + next[member] * skip) % size;
            while (base.owners[slot] != kNobody)
                slot = (offset + ++next[member] * skip) % size;
            base.owners[slot] = static_cast<std::uint16_t>(member);
            base.slots[member].push_back(static_cast<std::uint32_t>(slot));
            ++claimed;
        }
    return base;
}

std::vector<std::uint16_t> serving_table(const Base& base, std::span<const std::uint16_t> availabilities) {
    const auto size = base.owners.size();
    Filling filling{.base = base,
                    .size = size,
                    .effective = {},
                    .kept = std::vector<bool>(size),
                    .loads = std::vector<std::uint64_t>(base.members.size()),
                    .owners = std::vector<std::uint16_t>(size, kNobody)};
    for (std::size_t member = 0; member < base.members.size(); ++member) {
        filling.effective.push_back(std::uint64_t{base.members[member].weight} * availabilities[member]);
        filling.effective_sum += filling.effective.back();
        const auto slots = base.slots[member].size();
        const auto keeps = (availabilities[member] * slots + 255) / 256;
        for (std::size_t rank = 0; rank < keeps; ++rank) {
            filling.kept[base.slots[member][rank]] = true;
            filling.owners[base.slots[member][rank]] = static_cast<std::uint16_t>(member);
            ++filling.loads[member];
        }
    }
    if (filling.effective_sum == 0)
        return filling.owners;
    for (std::uint32_t slot = 0; slot < size; ++slot)
        if (!filling.kept[slot]) {
            filling.owners[slot] = filling.probe(slot);
            ++filling.loads[filling.owners[slot]];
        }
    return filling.owners;
}

}  // namespace guideway::maglev::reference
