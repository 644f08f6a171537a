// SPDX-License-Identifier: Apache-2.0
#include "datapath/counters.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <vector>

namespace guideway::datapath {

namespace {
template <typename Value>
Result<std::vector<Value>> per_cpu(int map_fd, const char* name, std::uint32_t key) {
    std::vector<Value> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    if (bpf_map_lookup_elem(map_fd, &key, values.data()) != 0)
        return fail("read map '{}' at {}: {}", name, key, errno_text());
    return values;
}

void add(abi::traffic& sum, const abi::traffic& value) {
    sum.packets += value.packets;
    sum.bytes += value.bytes;
    sum.new_flows += value.new_flows;
}

template <typename Value>
Result<void> store(int map_fd, const char* name, std::uint32_t key, const std::vector<Value>& values) {
    if (bpf_map_update_elem(map_fd, &key, values.data(), BPF_ANY) != 0)
        return fail("update map '{}' at {}: {}", name, key, errno_text());
    return {};
}

template <typename Value>
Result<void> clear(int map_fd, const char* name, std::uint32_t key) {
    return store(map_fd, name, key, std::vector<Value>(static_cast<std::size_t>(libbpf_num_possible_cpus())));
}
}  // namespace

Result<abi::service_counters> service_counters(const Maps& maps, std::uint32_t service_number) {
    const auto values =
        per_cpu<abi::service_counters>(maps.fds().service_stats.get(), "service_stats", service_number);
    if (!values)
        return std::unexpected(values.error());
    abi::service_counters sum{};
    for (const auto& value : *values) {
        add(sum.traffic, value.traffic);
        sum.flow_lookups += value.flow_lookups;
        sum.refused_records += value.refused_records;
    }
    return sum;
}

Result<abi::traffic> backend_traffic(const Maps& maps, std::uint32_t backend_index) {
    const auto values = per_cpu<abi::traffic>(maps.fds().backend_stats.get(), "backend_stats", backend_index);
    if (!values)
        return std::unexpected(values.error());
    abi::traffic sum{};
    for (const auto& value : *values)
        add(sum, value);
    return sum;
}

Result<VerdictCounts> verdict_counts(const Maps& maps) {
    VerdictCounts counts{};
    for (std::uint32_t verdict = 0; verdict < counts.size(); ++verdict) {
        const auto values =
            per_cpu<abi::verdict_count>(maps.fds().verdict_stats.get(), "verdict_stats", verdict);
        if (!values)
            return std::unexpected(values.error());
        for (const auto& value : *values) {
            counts[verdict].packets += value.packets;
            counts[verdict].bytes += value.bytes;
        }
    }
    return counts;
}

Result<void> clear_service_counters(const Maps& maps, std::uint32_t service_number) {
    return clear<abi::service_counters>(maps.fds().service_stats.get(), "service_stats", service_number);
}

Result<void> clear_backend_traffic(const Maps& maps, std::uint32_t backend_index) {
    return clear<abi::traffic>(maps.fds().backend_stats.get(), "backend_stats", backend_index);
}

Result<void> copy_backend_traffic(const Maps& maps, std::uint32_t from, std::uint32_t to) {
    const int map = maps.fds().backend_stats.get();
    const auto values = per_cpu<abi::traffic>(map, "backend_stats", from);
    if (!values)
        return std::unexpected(values.error());
    return store(map, "backend_stats", to, *values);
}

}  // namespace guideway::datapath
