// SPDX-License-Identifier: Apache-2.0
#include "datapath/chances.hpp"

#include <bpf/bpf.h>

#include <array>
#include <cstring>
#include <utility>

namespace guideway::datapath {

Result<Chances> Chances::open(UniqueFd chances, UniqueFd hops) {
    auto mapped =
        MappedArray::map(hops.get(), "chance_hops", sizeof(abi::address), abi::CHANCE_HOP_NUMBERS, true);
    if (!mapped)
        return std::unexpected(mapped.error());
    Chances opened;
    opened.chances_ = std::move(chances);
    opened.hops_fd_ = std::move(hops);
    opened.hops_ = std::move(*mapped);
    return opened;
}

Result<void> Chances::provide(std::uint16_t service, std::uint32_t table_size) {
    if (lists(service).size() == table_size)
        return {};
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
    Lists made;
    made.map.reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, "chance_lists", sizeof(std::uint32_t),
                                  sizeof(abi::chance_list), table_size, &options));
    if (!made.map)
        return fail("make the lists of hops of service {}: {}", service, errno_text());
    auto mapped =
        MappedArray::map(made.map.get(), "chance_lists", sizeof(abi::chance_list), table_size, true);
    if (!mapped)
        return std::unexpected(mapped.error());
    made.elements = std::move(*mapped);
    const std::uint32_t key = service;
    const int map = made.map.get();
    if (bpf_map_update_elem(chances_.get(), &key, &map, BPF_ANY) != 0)
        return fail("update map 'chances' for service {}: {}", service, errno_text());
    lists_.insert_or_assign(service, std::move(made));
    return {};
}

std::span<abi::chance_list> Chances::lists(std::uint16_t service) const {
    const auto found = lists_.find(service);
    if (found == lists_.end())
        return {};
    const auto& elements = found->second.elements;
    return {elements.element<abi::chance_list>(0), elements.count()};
}

void Chances::withdraw(std::uint16_t service) {
    const std::uint32_t key = service;
    if (lists_.erase(service) > 0)
        bpf_map_delete_elem(chances_.get(), &key);
}

HopNumber Chances::number_of(const IpAddress& address) {
    const auto known = numbers_.find(address);
    if (known != numbers_.end())
        return known->second;
    if (addresses_.size() == abi::CHANCE_HOP_NUMBERS)
        return 0;
    const auto number = static_cast<HopNumber>(addresses_.size());
    *hops_.element<abi::address>(number) = abi::to_abi(address);
    addresses_.push_back(address);
    numbers_.emplace(address, number);
    return number;
}

void store_list(abi::chance_list& place, const abi::chance_list& list) {
    std::array<std::uint64_t, 2> words{};
    static_assert(sizeof(words) == sizeof(list));
    std::memcpy(words.data(), &list, sizeof(list));
    auto* stored = reinterpret_cast<abi::abi_word*>(&place);
    __atomic_store_n(&stored[1], words[1], __ATOMIC_RELEASE);
    __atomic_store_n(&stored[0], words[0], __ATOMIC_RELEASE);
}

}  // namespace guideway::datapath
