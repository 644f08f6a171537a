// SPDX-License-Identifier: Apache-2.0
#include "datapath/decap_maps.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace guideway::datapath {

namespace {
std::string text_of(const abi::address& key) {
    return abi::from_abi(key).text();
}

std::string text_of(const abi::decap_prefix& key) {
    return prefix_of(key).text();
}

template <typename Key>
bool is_before(const Key& a, const Key& b) {
    return std::memcmp(&a, &b, sizeof(Key)) < 0;
}

template <typename Key>
std::vector<Key> sorted(std::vector<Key> keys) {
    std::ranges::sort(keys, is_before<Key>);
    return keys;
}

abi::decap_prefix key_of(const config::Prefix& prefix) {
    const unsigned mapped = prefix.address.is_v4() ? +abi::DECAP_PREFIX_MAPPED_BITS : 0;
    return {.length = abi::DECAP_PREFIX_PADDING_BITS + mapped + prefix.length,
            .padding = 0,
            .address = abi::to_abi(prefix.address)};
}
}  // namespace

std::vector<abi::decap_prefix> balancer_keys(const DecapRules& rules) {
    std::vector<abi::decap_prefix> keys;
    std::ranges::transform(rules.balancers, std::back_inserter(keys), key_of);
    return keys;
}

std::vector<abi::address> vip_keys(const DecapRules& rules) {
    std::vector<abi::address> keys;
    for (const auto& vip : rules.vips) {
        if (vip.is_address())
            keys.push_back(abi::to_abi(vip.address));
    }
    return keys;
}

std::vector<abi::decap_prefix> vip_prefix_keys(const DecapRules& rules) {
    std::vector<abi::decap_prefix> keys;
    for (const auto& vip : rules.vips) {
        if (!vip.is_address())
            keys.push_back(key_of(vip));
    }
    return keys;
}

config::Prefix prefix_of(const abi::decap_prefix& key) {
    const auto address = abi::from_abi(key.address);
    const unsigned before =
        abi::DECAP_PREFIX_PADDING_BITS + (address.is_v4() ? +abi::DECAP_PREFIX_MAPPED_BITS : 0);
    return {address, static_cast<std::uint8_t>(key.length - std::min(key.length, before))};
}

template <typename Key>
Result<void> add_keys(int map_fd, const char* name, const std::vector<Key>& keys) {
    const std::uint32_t present = 1;
    for (const auto& key : keys) {
        if (bpf_map_update_elem(map_fd, &key, &present, BPF_ANY) != 0)
            return fail("update map '{}' for {}: {}", name, text_of(key), errno_text());
    }
    return {};
}

template <typename Key>
std::vector<Key> keys_in(int map_fd) {
    std::vector<Key> keys;
    Key key{};
    for (const void* previous = nullptr; bpf_map_get_next_key(map_fd, previous, &key) == 0;
         previous = &keys.back())
        keys.push_back(key);
    return keys;
}

template <typename Key>
void keep_only_keys(int map_fd, const std::vector<Key>& keys) {
    const auto kept = sorted(keys);
    for (const auto& key : keys_in<Key>(map_fd)) {
        if (!std::ranges::binary_search(kept, key, is_before<Key>))
            bpf_map_delete_elem(map_fd, &key);
    }
}

template <typename Key>
bool holds_exactly(int map_fd, const std::vector<Key>& keys) {
    const auto wanted = sorted(keys);
    const auto found = sorted(keys_in<Key>(map_fd));
    return std::ranges::equal(
        wanted, found, [](const Key& a, const Key& b) { return std::memcmp(&a, &b, sizeof(Key)) == 0; });
}

template Result<void> add_keys(int, const char*, const std::vector<abi::address>&);
template Result<void> add_keys(int, const char*, const std::vector<abi::decap_prefix>&);
template std::vector<abi::address> keys_in(int);
template std::vector<abi::decap_prefix> keys_in(int);
template void keep_only_keys(int, const std::vector<abi::address>&);
template void keep_only_keys(int, const std::vector<abi::decap_prefix>&);
template bool holds_exactly(int, const std::vector<abi::address>&);
template bool holds_exactly(int, const std::vector<abi::decap_prefix>&);

Result<DecapCounts> read_decap_counts(int map_fd) {
    DecapCounts counts{};
    std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    for (std::uint32_t verdict = 0; verdict < counts.size(); ++verdict) {
        if (bpf_map_lookup_elem(map_fd, &verdict, per_cpu.data()) != 0)
            return fail("read map 'decap_stats': {}", errno_text());
        for (const std::uint64_t count : per_cpu)
            counts[verdict] += count;
    }
    return counts;
}

}  // namespace guideway::datapath
