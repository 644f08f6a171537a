// SPDX-License-Identifier: Apache-2.0
#include "datapath/client_prefixes.hpp"

#include <bpf/bpf.h>

#include <limits>
#include <optional>

namespace guideway::datapath {

namespace {
std::vector<abi::client_prefix> keys_of(const Maps& maps) {
    std::vector<abi::client_prefix> keys;
    std::optional<abi::client_prefix> last;
    abi::client_prefix key{};
    while (bpf_map_get_next_key(maps.fds().clients.get(), last ? &*last : nullptr, &key) == 0) {
        keys.push_back(key);
        last = key;
    }
    return keys;
}
}  // namespace

Result<void> add_client_filter(const Maps& maps, std::uint16_t filter,
                               const std::vector<ClientPrefix>& prefixes) {
    for (const auto& prefix : prefixes) {
        const abi::client_prefix key{.length = abi::CLIENT_PREFIX_FILTER_BITS + std::uint32_t{prefix.length},
                                     .filter = filter,
                                     .address = abi::to_abi(prefix.address)};
        const abi::client_permission permission{.flags = (prefix.permitted ? +abi::CLIENT_PERMITTED : 0U) |
                                                         (prefix.denied ? +abi::CLIENT_DENIED : 0U)};
        if (bpf_map_update_elem(maps.fds().clients.get(), &key, &permission, BPF_ANY) != 0)
            return fail("update map 'clients': {} (it holds {} prefixes)", errno_text(),
                        static_cast<unsigned>(abi::CLIENT_PREFIXES_MAX));
    }
    return {};
}

std::vector<bool> used_client_filters(const Maps& maps) {
    std::vector<bool> used(std::numeric_limits<std::uint16_t>::max() + std::size_t{1});
    for (std::uint32_t number = 1; number <= maps.geometry().max_services; ++number)
        used[maps.service(number).filter] = true;
    return used;
}

Result<void> remove_unused_client_filters(const Maps& maps) {
    const auto keys = keys_of(maps);
    if (keys.empty())
        return {};
    const auto used = used_client_filters(maps);
    for (const auto& key : keys) {
        if (used[key.filter & std::numeric_limits<std::uint16_t>::max()])
            continue;
        if (bpf_map_delete_elem(maps.fds().clients.get(), &key) != 0)
            return fail("delete from map 'clients': {}", errno_text());
    }
    return {};
}

}  // namespace guideway::datapath
