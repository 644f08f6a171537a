// SPDX-License-Identifier: Apache-2.0
#include "datapath/decap.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "backend_decap.skel.h"
#include "datapath/decap_maps.hpp"
#include "datapath/libbpf_log.hpp"
#include "datapath/program.hpp"

namespace guideway::datapath {

namespace {
std::array<bpf_map*, 5> maps_of(const backend_decap_bpf& skeleton) {
    const auto& maps = skeleton.maps;
    return {maps.decap_sources, maps.decap_vips, maps.decap_vip_prefixes, maps.decap_peers, maps.decap_stats};
}

abi::decap_peer entry_of(const std::optional<DecapPeer>& peer) {
    abi::decap_peer entry{};
    if (!peer)
        return entry;
    std::ranges::copy(peer->next_hop.bytes, entry.next_hop_mac);
    std::ranges::copy(peer->interface_mac.bytes, entry.interface_mac);
    entry.interface = static_cast<std::uint32_t>(peer->interface);
    entry.flags = abi::DECAP_PEER_NEXT_HOP;
    return entry;
}

bpf_map_info info_of(int fd) {
    bpf_map_info info{};
    std::uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info : bpf_map_info{};
}

/// Whether the program could use it in the place of its own; the kernel would tell only that something is
/// wrong with some map.
bool can_be_used_as(int pinned, const bpf_map* map) {
    const auto info = info_of(pinned);
    return info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
           info.value_size == bpf_map__value_size(map) && info.max_entries == bpf_map__max_entries(map) &&
           info.map_flags == bpf_map__map_flags(map);
}

/// Has the program take over what is pinned; the names of the maps that it cannot.
std::vector<const bpf_map*> adopt(const backend_decap_bpf& skeleton, const Pins& pins) {
    std::vector<const bpf_map*> unusable;
    for (bpf_map* map : maps_of(skeleton)) {
        const auto pinned = pins.get(bpf_map__name(map));
        if ((pinned && !can_be_used_as(pinned->get(), map)) || (!pinned && pins.has(bpf_map__name(map))))
            unusable.push_back(map);
        else
            bpf_map__set_pin_path(map, pins.path(bpf_map__name(map)).c_str());
    }
    return unusable;
}
}  // namespace

void DecapProgram::Destroy::operator()(backend_decap_bpf* skeleton) const {
    backend_decap_bpf::destroy(skeleton);
}

Result<DecapProgram> DecapProgram::load(const DecapRules& rules, const Pins* pins) {
    if (auto loaded = load(rules, pins, true))
        return loaded;
    return load(rules, pins, false);
}

Result<DecapProgram> DecapProgram::load(const DecapRules& rules, const Pins* pins, bool sees_translated) {
    capture_libbpf_log();
    Skeleton skeleton(backend_decap_bpf::open());
    if (!skeleton)
        return bpf_failure("open the decap program", errno);
    bpf_program__set_autoload(skeleton->progs.backend_decap, sees_translated);
    bpf_program__set_autoload(skeleton->progs.backend_decap_bare, !sees_translated);
    const auto unusable = pins != nullptr ? adopt(*skeleton, *pins) : std::vector<const bpf_map*>{};
    if (const int error = backend_decap_bpf::load(skeleton.get()); error != 0)
        return bpf_failure("load the decap program", error);

    static_cast<void>(take_libbpf_log());
    DecapProgram program(std::move(skeleton), sees_translated);
    if (auto added = program.add(rules); !added)
        return std::unexpected(added.error());
    program.keep_only(rules);
    for (const auto* map : unusable) {
        if (auto put = pins->put(bpf_map__name(map), bpf_map__fd(map)); !put)
            return std::unexpected(put.error());
        program.replaced_.emplace_back(bpf_map__name(map));
    }
    return program;
}

Result<void> DecapProgram::add(const DecapRules& rules) const {
    const auto& maps = skeleton_->maps;
    auto added = add_keys(bpf_map__fd(maps.decap_sources), "decap_sources", balancer_keys(rules));
    if (added)
        added = add_keys(bpf_map__fd(maps.decap_vips), "decap_vips", vip_keys(rules));
    if (added)
        added = add_keys(bpf_map__fd(maps.decap_vip_prefixes), "decap_vip_prefixes", vip_prefix_keys(rules));
    return added;
}

void DecapProgram::keep_only(const DecapRules& rules) const {
    const auto& maps = skeleton_->maps;
    keep_only_keys(bpf_map__fd(maps.decap_sources), balancer_keys(rules));
    keep_only_keys(bpf_map__fd(maps.decap_vips), vip_keys(rules));
    keep_only_keys(bpf_map__fd(maps.decap_vip_prefixes), vip_prefix_keys(rules));
}

Result<void> DecapProgram::set_peers(const DecapPeers& peers) const {
    const int map = bpf_map__fd(skeleton_->maps.decap_peers);
    std::vector<abi::address> keys;
    for (const auto& [address, way] : peers) {
        const auto key = abi::to_abi(address);
        const auto wanted = entry_of(way);
        abi::decap_peer present{};
        keys.push_back(key);
        if (bpf_map_lookup_elem(map, &key, &present) == 0 &&
            std::memcmp(&present, &wanted, sizeof(present)) == 0)
            continue;
        if (bpf_map_update_elem(map, &key, &wanted, BPF_ANY) != 0)
            return fail("update map 'decap_peers' for {}: {}", address.text(), errno_text());
    }
    keep_only_keys(map, keys);
    return {};
}

Result<std::vector<std::string>> DecapProgram::repair(const DecapRules& rules, const Pins& pins) const {
    const auto& maps = skeleton_->maps;
    std::vector<std::string> repaired;
    for (const bpf_map* map : maps_of(*skeleton_)) {
        const auto pinned = pins.get(bpf_map__name(map));
        if (pinned && info_of(pinned->get()).id == info_of(bpf_map__fd(map)).id)
            continue;
        if (auto put = pins.put(bpf_map__name(map), bpf_map__fd(map)); !put)
            return std::unexpected(put.error());
        repaired.push_back(fmt::format("'{}'", bpf_map__name(map)));
    }
    const auto restore = [&](const bpf_map* map, const auto& keys) -> Result<void> {
        const int fd = bpf_map__fd(map);
        if (holds_exactly(fd, keys))
            return {};
        repaired.push_back(fmt::format("what '{}' holds", bpf_map__name(map)));
        auto added = add_keys(fd, bpf_map__name(map), keys);
        keep_only_keys(fd, keys);
        return added;
    };
    auto restored = restore(maps.decap_sources, balancer_keys(rules));
    if (restored)
        restored = restore(maps.decap_vips, vip_keys(rules));
    if (restored)
        restored = restore(maps.decap_vip_prefixes, vip_prefix_keys(rules));
    if (!restored)
        return std::unexpected(restored.error());
    return repaired;
}

int DecapProgram::fd() const {
    const auto& programs = skeleton_->progs;
    return bpf_program__fd(sees_translated_ ? programs.backend_decap : programs.backend_decap_bare);
}

Result<DecapCounts> DecapProgram::counts() const {
    return read_decap_counts(bpf_map__fd(skeleton_->maps.decap_stats));
}

Result<PinnedDecap> read_pinned_decap(const Pins& pins) {
    const auto sources = pins.get("decap_sources");
    const auto vips = pins.get("decap_vips");
    const auto stats = pins.get("decap_stats");
    for (const auto* map : {&sources, &vips, &stats}) {
        if (!*map)
            return std::unexpected(map->error());
    }
    PinnedDecap decap;
    for (const auto& key : keys_in<abi::decap_prefix>(sources->get()))
        decap.rules.balancers.push_back(prefix_of(key));
    for (const auto& key : keys_in<abi::address>(vips->get()))
        decap.rules.vips.push_back(config::Prefix::of(abi::from_abi(key)));
    if (const auto prefixes = pins.get("decap_vip_prefixes")) {  // an earlier version has none
        for (const auto& key : keys_in<abi::decap_prefix>(prefixes->get()))
            decap.rules.vips.push_back(prefix_of(key));
    }
    const auto counts = read_decap_counts(stats->get());
    if (!counts)
        return std::unexpected(counts.error());
    decap.counts = *counts;
    return decap;
}

}  // namespace guideway::datapath
