// SPDX-License-Identifier: Apache-2.0
//
// What a table costs to build and to keep up to date, beside the paper's pseudo-code. Arguments: N backends,
// M slots. Compare figures of one run only.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "allocated_memory.hpp"
#include "maglev/base_table.hpp"
#include "maglev/digest.hpp"
#include "maglev/permutation.hpp"
#include "maglev/serving_table.hpp"

using namespace guideway;
using namespace guideway::maglev;

namespace {

constexpr std::uint16_t kLightest = 1;
constexpr std::uint16_t kHeaviest = 65535;

std::vector<Member> equal_fleet(std::size_t count) {
    std::vector<Member> members;
    for (std::size_t index = 0; index < count; ++index)
        members.push_back({*IpAddress::parse(fmt::format("10.1.{}.{}", index / 256, index % 256)), 100});
    return members;
}

/// Every `period`-th member is heavy, the others light.
std::vector<Member> skewed_fleet(std::size_t count, std::size_t period) {
    auto members = equal_fleet(count);
    for (std::size_t index = 0; index < count; ++index)
        members[index].weight = index % period == 0 ? kHeaviest : kLightest;
    return members;
}

/// From a hundredth of the heaviest weight to the heaviest.
std::vector<Member> mixed_fleet(std::size_t count) {
    auto members = equal_fleet(count);
    for (std::size_t index = 0; index < count; ++index)
        members[index].weight = static_cast<std::uint16_t>(kHeaviest / (1 + index * 7919 % 100));
    return members;
}

/// Pseudo-code 1 of the paper as it stands there, with permutations computed as they are needed.
std::vector<int> plain_pseudocode(const std::vector<Member>& members, std::uint32_t size) {
    std::vector<std::string> identities;
    for (const auto& member : members)
        identities.push_back(member.address.text());
    std::ranges::sort(identities);
    std::vector<Permutation> permutations;
    for (const auto& identity : identities)
        permutations.push_back(Permutation::of(identity, size));

    std::vector<std::uint64_t> next(members.size(), 0);
    std::vector<int> entry(size, -1);
    std::uint32_t filled = 0;
    while (true)
        for (std::size_t i = 0; i < permutations.size(); ++i) {
            const auto& [offset, skip] = permutations[i];
            auto candidate = (offset + next[i] * skip) % size;
            while (entry[candidate] >= 0) {
                ++next[i];
                candidate = (offset + next[i] * skip) % size;
            }
            entry[candidate] = static_cast<int>(i);
            ++next[i];
            if (++filled == size)
                return entry;
        }
}

void plain_pseudocode(benchmark::State& state) {
    const auto members = equal_fleet(state.range(0));
    const auto size = static_cast<std::uint32_t>(state.range(1));
    for (auto _ : state)
        benchmark::DoNotOptimize(plain_pseudocode(members, size));
    if (!std::ranges::equal(plain_pseudocode(members, size), BaseTable::build(members, size).owners()))
        state.SkipWithError("the tables differ");
}

void build(benchmark::State& state, const std::vector<Member>& members) {
    const auto size = static_cast<std::uint32_t>(state.range(1));
    for (auto _ : state)
        benchmark::DoNotOptimize(BaseTable::build(members, size));
    const auto before = bench::allocated_memory();
    bench::reset_peak_memory();
    benchmark::DoNotOptimize(BaseTable::build(members, size));
    state.counters["peak_MiB"] = static_cast<double>(bench::peak_memory() - before) / (1 << 20);
}

void base_table_equal(benchmark::State& state) {
    build(state, equal_fleet(state.range(0)));
}

void base_table_one_heavy(benchmark::State& state) {
    build(state, skewed_fleet(state.range(0), state.range(0)));
}

void base_table_half_heavy(benchmark::State& state) {
    build(state, skewed_fleet(state.range(0), 2));
}

void base_table_few_heavy(benchmark::State& state) {
    build(state, skewed_fleet(state.range(0), 64));
}

void base_table_mixed(benchmark::State& state) {
    build(state, mixed_fleet(state.range(0)));
}

/// From full health, the given number of backends goes down; the changed slots are stored.
void failover(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    const auto size = static_cast<std::uint32_t>(state.range(1));
    const auto down = static_cast<std::size_t>(state.range(2));
    ServingTable table(std::make_shared<BaseTable>(BaseTable::build(equal_fleet(count), size)));
    std::vector<std::uint16_t> slots(table.owners().begin(), table.owners().end());
    const std::vector<Availability> healthy(count, kFull);
    auto failed = healthy;
    for (std::size_t index = 0; index < down; ++index)
        failed[index * count / down] = 0;

    for (auto _ : state) {
        const auto start = std::chrono::steady_clock::now();
        for (const auto [slot, owner] : table.update(failed))
            slots[slot] = owner;
        benchmark::ClobberMemory();
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        state.SetIterationTime(elapsed.count());
        benchmark::DoNotOptimize(table.update(healthy));
    }
    state.counters["estimate_us"] = static_cast<double>(table.update_cost(failed).count()) / 1000;
}

void digest(benchmark::State& state) {
    const auto table =
        BaseTable::build(equal_fleet(state.range(0)), static_cast<std::uint32_t>(state.range(1)));
    for (auto _ : state)
        benchmark::DoNotOptimize(table_digest(table.members(), table.owners()));
}

constexpr std::int64_t kDefaultSize = 65537;
constexpr std::int64_t kLargeSize = 655373;

BENCHMARK(plain_pseudocode)
    ->Args({1000, kDefaultSize})
    ->Args({1000, kLargeSize})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(base_table_equal)
    ->Args({3, kDefaultSize})
    ->Args({100, kDefaultSize})
    ->Args({1000, kDefaultSize})
    ->Args({1000, kLargeSize})
    ->Args({4096, kDefaultSize})
    ->Args({4096, kLargeSize})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(base_table_one_heavy)
    ->Args({4096, kDefaultSize})
    ->Args({4096, kLargeSize})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(base_table_half_heavy)
    ->Args({4096, kDefaultSize})
    ->Args({4096, kLargeSize})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(base_table_few_heavy)
    ->Args({4096, kDefaultSize})
    ->Args({4096, kLargeSize})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(base_table_mixed)
    ->Args({4096, kDefaultSize})
    ->Args({4096, kLargeSize})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(failover)
    ->Args({1000, kDefaultSize, 1})
    ->Args({1000, kLargeSize, 1})
    ->Args({1000, kDefaultSize, 10})
    ->Args({1000, kDefaultSize, 100})
    ->Args({1000, kDefaultSize, 500})
    ->Args({1000, kDefaultSize, 900})
    ->Args({1000, kDefaultSize, 990})
    ->Args({1000, kDefaultSize, 999})
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(digest)->Args({1000, kDefaultSize})->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
