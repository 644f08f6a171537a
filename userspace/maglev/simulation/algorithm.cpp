// SPDX-License-Identifier: Apache-2.0
#include "maglev/simulation/algorithm.hpp"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "maglev/mix64.hpp"
#include "maglev/serving_table.hpp"

namespace guideway::maglev::simulation {

namespace {

using Owners = std::vector<std::uint16_t>;

constexpr std::uint32_t kKeysPerReport = 4096;
constexpr std::uint32_t kPointsPerMember = 1000;
constexpr std::array<std::string_view, kAlgorithms.size()> kNames{"format1", "maglev", "rendezvous",
                                                                  "ring",    "jump",   "modulo"};

/// Asks `choose(key)` for the member of each key.
template <typename Choose>
Owners assign_each(const Fleet& fleet, std::uint32_t keys, const Progress& progress, Choose choose) {
    Owners owners;
    owners.reserve(keys);
    for (std::uint32_t number = 0; number < keys; ++number) {
        owners.push_back(choose(fleet.key(number)));
        if (number % kKeysPerReport == 0)
            progress(static_cast<double>(number) / keys);
    }
    return owners;
}

Owners by_format1(const Fleet& fleet, std::uint32_t keys) {
    ServingTable table(std::make_shared<const BaseTable>(BaseTable::build(fleet.members, keys)));
    std::vector<Availability> availabilities(fleet.members.size(), 0);
    for (const auto member : fleet.survivors)
        availabilities[member] = kFull;
    std::ignore = table.update(availabilities);
    return {table.owners().begin(), table.owners().end()};
}

Owners by_maglev(const Fleet& fleet, std::uint32_t keys) {
    std::vector<Member> members;
    for (const auto member : fleet.survivors)
        members.push_back(fleet.members[member]);
    const auto table = BaseTable::build(std::move(members), keys);
    Owners owners;
    for (const auto owner : table.owners())
        owners.push_back(fleet.survivors[owner]);
    return owners;
}

Owners by_rendezvous(const Fleet& fleet, std::uint32_t keys, const Progress& progress) {
    return assign_each(fleet, keys, progress, [&](std::uint64_t key) {
        return *std::ranges::max_element(
            fleet.survivors, {}, [&](std::uint16_t member) { return mix64(key ^ fleet.hashes[member]); });
    });
}

Owners by_ring(const Fleet& fleet, std::uint32_t keys, const Progress& progress) {
    std::vector<std::pair<std::uint64_t, std::uint16_t>> points;
    points.reserve(fleet.survivors.size() * kPointsPerMember);
    for (const auto member : fleet.survivors)
        for (std::uint64_t point = 0; point < kPointsPerMember; ++point)
            points.emplace_back(mix64(fleet.hashes[member] + mix64(point)), member);
    std::ranges::sort(points);
    return assign_each(fleet, keys, progress, [&](std::uint64_t key) {
        const auto next = std::ranges::lower_bound(points, std::pair(key, std::uint16_t{0}));
        return (next == points.end() ? points.front() : *next).second;
    });
}

Owners by_jump(const Fleet& fleet, std::uint32_t keys, const Progress& progress) {
    const auto buckets = static_cast<std::uint32_t>(fleet.survivors.size());
    return assign_each(fleet, keys, progress,
                       [&](std::uint64_t key) { return fleet.survivors[jump_hash(key, buckets)]; });
}

Owners by_modulo(const Fleet& fleet, std::uint32_t keys, const Progress& progress) {
    return assign_each(fleet, keys, progress,
                       [&](std::uint64_t key) { return fleet.survivors[key % fleet.survivors.size()]; });
}

}  // namespace

std::string_view name_of(Algorithm algorithm) {
    return kNames[static_cast<std::size_t>(algorithm)];
}

std::optional<Algorithm> algorithm_named(std::string_view name) {
    const auto found = std::ranges::find(kAlgorithms, name, name_of);
    return found == kAlgorithms.end() ? std::nullopt : std::optional(*found);
}

std::vector<std::uint16_t> assign(Algorithm algorithm, const Fleet& fleet, std::uint32_t keys,
                                  const Progress& progress) {
    switch (algorithm) {
        case Algorithm::kFormat1:
            return by_format1(fleet, keys);
        case Algorithm::kMaglev:
            return by_maglev(fleet, keys);
        case Algorithm::kRendezvous:
            return by_rendezvous(fleet, keys, progress);
        case Algorithm::kRing:
            return by_ring(fleet, keys, progress);
        case Algorithm::kJump:
            return by_jump(fleet, keys, progress);
        case Algorithm::kModulo:
            return by_modulo(fleet, keys, progress);
    }
    std::unreachable();
}

std::uint32_t jump_hash(std::uint64_t key, std::uint32_t buckets) {
    constexpr double kScale = std::uint64_t{1} << 31;
    std::int64_t bucket = -1;
    std::int64_t next = 0;
    while (next < buckets) {
        bucket = next;
        key = key * 2862933555777941757 + 1;
        next = static_cast<std::int64_t>(static_cast<double>(bucket + 1) *
                                         (kScale / static_cast<double>((key >> 33) + 1)));
    }
    return static_cast<std::uint32_t>(bucket);
}

}  // namespace guideway::maglev::simulation
