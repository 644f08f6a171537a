// SPDX-License-Identifier: Apache-2.0
#include "datapath/decap.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>

#include "backend_decap.skel.h"
#include "datapath/libbpf_log.hpp"
#include "datapath/program.hpp"

namespace guideway::datapath {

namespace {
const abi::address& address_in(const abi::address& key) {
    return key;
}

const abi::address& address_in(const abi::decap_source& key) {
    return key.address;
}

template <typename Key>
std::vector<Key> keys_of(int map_fd) {
    std::vector<Key> keys;
    Key key{};
    for (const void* previous = nullptr; bpf_map_get_next_key(map_fd, previous, &key) == 0;
         previous = &keys.back())
        keys.push_back(key);
    return keys;
}

/// Makes the map hold exactly these keys; additions first, so that nothing that stays is ever missing.
template <typename Key>
Result<void> store(int map_fd, const char* name, const std::vector<Key>& keys) {
    const std::uint32_t present = 1;
    for (const auto& key : keys) {
        if (bpf_map_update_elem(map_fd, &key, &present, BPF_ANY) != 0)
            return fail("update map '{}' for {}: {}", name, abi::from_abi(address_in(key)).text(),
                        errno_text());
    }
    for (const auto& key : keys_of<Key>(map_fd)) {
        const auto same = [&](const Key& other) { return std::memcmp(&key, &other, sizeof(key)) == 0; };
        if (std::ranges::none_of(keys, same))
            bpf_map_delete_elem(map_fd, &key);
    }
    return {};
}

/// Whether the map holds these keys, and no others.
template <typename Key>
bool holds(int map_fd, const std::vector<Key>& keys) {
    std::uint32_t present = 0;
    const auto is_in_map = [&](const Key& key) { return bpf_map_lookup_elem(map_fd, &key, &present) == 0; };
    const auto is_wanted = [&](const Key& found) {
        return std::ranges::any_of(
            keys, [&](const Key& key) { return std::memcmp(&key, &found, sizeof(key)) == 0; });
    };
    return std::ranges::all_of(keys, is_in_map) && std::ranges::all_of(keys_of<Key>(map_fd), is_wanted);
}

std::uint32_t map_id(int fd) {
    bpf_map_info info{};
    std::uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info.id : 0;
}

std::vector<abi::decap_source> keys_for(const std::vector<config::Prefix>& prefixes) {
    std::vector<abi::decap_source> keys;
    for (const auto& prefix : prefixes) {
        const unsigned mapped = prefix.address.is_v4() ? +abi::DECAP_SOURCE_MAPPED_BITS : 0;
        keys.push_back({.length = abi::DECAP_SOURCE_PADDING_BITS + mapped + prefix.length,
                        .padding = 0,
                        .address = abi::to_abi(prefix.address)});
    }
    return keys;
}

std::vector<abi::address> keys_for(const std::vector<IpAddress>& addresses) {
    std::vector<abi::address> keys;
    std::ranges::transform(addresses, std::back_inserter(keys), abi::to_abi);
    return keys;
}
}  // namespace

void DecapProgram::Destroy::operator()(backend_decap_bpf* skeleton) const {
    backend_decap_bpf::destroy(skeleton);
}

Result<DecapProgram> DecapProgram::load(const DecapRules& rules, const Pins* pins) {
    capture_libbpf_log();
    Skeleton skeleton(backend_decap_bpf::open());
    if (!skeleton)
        return bpf_failure("open the decap program", errno);
    const auto& maps = skeleton->maps;
    if (pins != nullptr) {
        for (bpf_map* map : {maps.decap_sources, maps.decap_vips, maps.decap_stats})
            bpf_map__set_pin_path(map, pins->path(bpf_map__name(map)).c_str());
    }
    if (const int error = backend_decap_bpf::load(skeleton.get()); error != 0)
        return bpf_failure("load the decap program", error);

    if (auto stored = store(bpf_map__fd(maps.decap_sources), "decap_sources", keys_for(rules.balancers));
        !stored)
        return std::unexpected(stored.error());
    if (auto stored = store(bpf_map__fd(maps.decap_vips), "decap_vips", keys_for(rules.vips)); !stored)
        return std::unexpected(stored.error());
    return DecapProgram(std::move(skeleton));
}

Result<std::vector<std::string>> DecapProgram::repair(const DecapRules& rules, const Pins& pins) const {
    const auto& maps = skeleton_->maps;
    std::vector<std::string> repaired;
    for (const bpf_map* map : {maps.decap_sources, maps.decap_vips, maps.decap_stats}) {
        const auto pinned = pins.get(bpf_map__name(map));
        if (pinned && map_id(pinned->get()) == map_id(bpf_map__fd(map)))
            continue;
        if (auto put = pins.put(bpf_map__name(map), bpf_map__fd(map)); !put)
            return std::unexpected(put.error());
        repaired.push_back(fmt::format("'{}'", bpf_map__name(map)));
    }
    const auto restore = [&](const bpf_map* map, const auto& keys) -> Result<void> {
        if (holds(bpf_map__fd(map), keys))
            return {};
        repaired.push_back(fmt::format("what '{}' holds", bpf_map__name(map)));
        return store(bpf_map__fd(map), bpf_map__name(map), keys);
    };
    auto restored = restore(maps.decap_sources, keys_for(rules.balancers));
    if (restored)
        restored = restore(maps.decap_vips, keys_for(rules.vips));
    if (!restored)
        return std::unexpected(restored.error());
    return repaired;
}

int DecapProgram::fd() const {
    return bpf_program__fd(skeleton_->progs.backend_decap);
}

Result<DecapCounts> DecapProgram::counts() const {
    DecapCounts counts{};
    std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    for (std::uint32_t verdict = 0; verdict < counts.size(); ++verdict) {
        if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.decap_stats), &verdict, per_cpu.data()) != 0)
            return fail("read map 'decap_stats': {}", errno_text());
        for (const std::uint64_t count : per_cpu)
            counts[verdict] += count;
    }
    return counts;
}

}  // namespace guideway::datapath
