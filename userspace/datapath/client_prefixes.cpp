// SPDX-License-Identifier: Apache-2.0
#include "datapath/client_prefixes.hpp"

#include <bpf/bpf.h>

#include <cerrno>
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

abi::client_prefix key_of(std::uint16_t filter, const ClientPrefix& prefix) {
    return {.length = abi::CLIENT_PREFIX_FILTER_BITS + std::uint32_t{prefix.length},
            .filter = filter,
            .address = abi::to_abi(prefix.address)};
}

abi::client_permission permission_of(const ClientPrefix& prefix) {
    return {.flags = (prefix.permitted ? +abi::CLIENT_PERMITTED : 0U) |
                     (prefix.denied ? +abi::CLIENT_DENIED : 0U)};
}
}  // namespace

Result<void> add_client_filter(const Maps& maps, std::uint16_t filter,
                               const std::vector<ClientPrefix>& prefixes) {
    for (const auto& prefix : prefixes) {
        const auto key = key_of(filter, prefix);
        const auto permission = permission_of(prefix);
        if (bpf_map_update_elem(maps.fds().clients.get(), &key, &permission, BPF_ANY) == 0)
            continue;
        if (errno != ENOSPC)
            return fail("update map 'clients': {}", errno_text());
        return fail(
            "update map 'clients': there is room for {} prefixes, those of lists that are being replaced "
            "included; shorten allow and deny, or take the former lists away by a reload before",
            static_cast<unsigned>(abi::CLIENT_PREFIXES_MAX));
    }
    return {};
}

/// One that is missing is as if it were there if what encloses it says the same.
std::size_t mend_client_filter(const Maps& maps, std::uint16_t filter,
                               std::span<const ClientPrefix> prefixes) {
    std::size_t mended = 0;
    for (const auto& prefix : prefixes) {
        const auto key = key_of(filter, prefix);
        const auto wanted = permission_of(prefix);
        abi::client_permission found{};
        const bool there = bpf_map_lookup_elem(maps.fds().clients.get(), &key, &found) == 0;
        if ((there && found.flags == wanted.flags) || (!there && errno != ENOENT))
            continue;
        if (bpf_map_update_elem(maps.fds().clients.get(), &key, &wanted, BPF_ANY) == 0)
            ++mended;
    }
    return mended;
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
