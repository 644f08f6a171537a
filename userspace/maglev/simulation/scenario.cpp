// SPDX-License-Identifier: Apache-2.0
#include "maglev/simulation/scenario.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace guideway::maglev::simulation {

namespace {

using Owners = std::span<const std::uint16_t>;

constexpr std::uint32_t kMinKeys = 251;
constexpr std::uint32_t kMaxKeys = 1048573;

bool is_prime(std::uint32_t number) {
    for (std::uint32_t divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0)
            return false;
    return number >= 2;
}

Result<void> check(const Scenario& scenario) {
    if (scenario.backends == 0 || scenario.backends > kMaxMembers)
        return fail("simulate {} backends: not in 1..{}", scenario.backends, kMaxMembers);
    if (scenario.keys < kMinKeys || scenario.keys > kMaxKeys || !is_prime(scenario.keys))
        return fail("simulate {} keys: not a prime of {}..{}", scenario.keys, kMinKeys, kMaxKeys);
    if (scenario.failures >= scenario.backends)
        return fail("simulate {} failures: of {} backends none is left", scenario.failures,
                    scenario.backends);
    return {};
}

Load load(Owners owners, const Fleet& fleet) {
    std::vector<std::uint32_t> counts(fleet.members.size());
    for (const auto owner : owners)
        ++counts[owner];
    const auto count = [&](std::uint16_t member) { return counts[member]; };
    const auto [least, most] = std::ranges::minmax_element(fleet.survivors, {}, count);
    const auto average = static_cast<double>(owners.size()) / static_cast<double>(fleet.survivors.size());
    return {.most = count(*most) / average, .least = count(*least) / average};
}

}  // namespace

Result<Outcome> simulate(const Scenario& scenario, const Progress& progress) {
    if (auto checked = check(scenario); !checked)
        return std::unexpected(checked.error());
    const auto healthy = Fleet::random(scenario.backends, scenario.seed);
    const auto failed = healthy.with_failures(scenario.failures);
    const auto before =
        assign(scenario.algorithm, healthy, scenario.keys, [&](double done) { progress(done / 2); });
    const auto after =
        assign(scenario.algorithm, failed, scenario.keys, [&](double done) { progress(0.5 + done / 2); });
    progress(1);

    std::uint32_t moved = 0;
    std::uint32_t survivors_keys = 0;
    std::uint32_t moved_needlessly = 0;
    for (std::uint32_t key = 0; key < scenario.keys; ++key) {
        const bool survived = std::ranges::binary_search(failed.survivors, before[key]);
        survivors_keys += survived;
        moved += before[key] != after[key];
        moved_needlessly += survived && before[key] != after[key];
    }
    return Outcome{
        .before = load(before, healthy),
        .after = load(after, failed),
        .moved = static_cast<double>(moved) / scenario.keys,
        .moved_needlessly = survivors_keys ? static_cast<double>(moved_needlessly) / survivors_keys : 0};
}

}  // namespace guideway::maglev::simulation
