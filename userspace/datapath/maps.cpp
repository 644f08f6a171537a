// SPDX-License-Identifier: Apache-2.0
#include "datapath/maps.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace guideway::datapath {

namespace {
Result<bpf_map_info> info_of(const char* name, int fd) {
    bpf_map_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0)
        return fail("read the properties of map '{}': {}", name, errno_text());
    return info;
}

/// Another version may have put more into its element; the version comes first in all of them.
Result<abi::abi> read_abi(int fd) {
    const auto info = info_of("abi", fd);
    if (!info)
        return std::unexpected(info.error());
    std::vector<std::uint8_t> element(std::max<std::size_t>(info->value_size, sizeof(abi::abi)));
    const std::uint32_t key = 0;
    if (bpf_map_lookup_elem(fd, &key, element.data()) != 0)
        return fail("read map 'abi': {}", errno_text());
    abi::abi value{};
    std::memcpy(&value, element.data(), sizeof(value));
    return value;
}
}  // namespace

std::uint32_t table_value_size(std::uint32_t table_size) {
    constexpr std::uint32_t kAlignment = 8;
    const auto bytes = static_cast<std::uint32_t>(table_size * sizeof(std::uint16_t));
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

Result<Maps> Maps::open(const Pins& pins, Access access) {
    auto abi_fd = pins.get("abi");
    if (!abi_fd)
        return std::unexpected(abi_fd.error());
    const auto stored = read_abi(abi_fd->get());
    if (!stored)
        return std::unexpected(stored.error());
    if (stored->version != abi::GUIDEWAY_ABI_VERSION)
        return fail(
            "open pins {}: they have ABI version {}, this guideway has {}; start an agent of this version, "
            "which "
            "takes over from them",
            pins.directory(), stored->version, static_cast<unsigned>(abi::GUIDEWAY_ABI_VERSION));

    MapFds fds;
    std::string error;
    for_each_map(fds, [&](const char* name, UniqueFd& fd) {
        auto opened = pins.get(name);
        if (opened)
            fd = std::move(*opened);
        else if (error.empty())
            error = opened.error().message;
    });
    if (!error.empty())
        return std::unexpected(Error{error});
    return adopt(std::move(fds), access);
}

Result<Maps> Maps::adopt(MapFds fds, Access access) {
    const auto stored = read_abi(fds.abi.get());
    const auto services = info_of("services", fds.services.get());
    const auto tables = info_of("tables", fds.tables.get());
    const auto backends = info_of("backends", fds.backends.get());
    if (!stored || !services || !tables || !backends)
        return std::unexpected(!stored     ? stored.error()
                               : !services ? services.error()
                               : !tables   ? tables.error()
                                           : backends.error());
    if (services->value_size != sizeof(abi::service) || backends->value_size != sizeof(abi::backend) ||
        tables->value_size != table_value_size(stored->table_size) ||
        tables->max_entries != services->max_entries)
        return fail("adopt maps: their sizes are not those of ABI version {}", stored->version);

    const bool writable = access == Access::kReadWrite;
    auto listeners = MappedArray::map(fds.listeners.get(), "listeners", sizeof(abi::listener_index),
                                      abi::LISTENER_INDEXES, writable);
    auto mapped_services = MappedArray::map(fds.services.get(), "services", sizeof(abi::service),
                                            services->max_entries, writable);
    auto mapped_tables =
        MappedArray::map(fds.tables.get(), "tables", tables->value_size, tables->max_entries, writable);
    auto mapped_backends = MappedArray::map(fds.backends.get(), "backends", sizeof(abi::backend),
                                            backends->max_entries, writable);
    for (const auto* mapped : {&listeners, &mapped_services, &mapped_tables, &mapped_backends}) {
        if (!*mapped)
            return std::unexpected(mapped->error());
    }

    Maps maps;
    maps.fds_ = std::move(fds);
    maps.geometry_ = {stored->table_size, services->max_entries - 1, backends->max_entries - 1};
    maps.listeners_ = std::move(*listeners);
    maps.services_ = std::move(*mapped_services);
    maps.tables_ = std::move(*mapped_tables);
    maps.backends_ = std::move(*mapped_backends);
    return maps;
}

}  // namespace guideway::datapath
