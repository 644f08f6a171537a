// SPDX-License-Identifier: Apache-2.0
#include "datapath/maps.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <vector>

namespace guideway::datapath {

namespace {
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

/// Whether the pages that an entry names are there.
bool has_pages(const abi::service& service, const Geometry& geometry) {
    return service.table_size <= abi::TABLE_SIZE_MAX &&
           std::uint64_t{service.first_page} + abi::table_pages(service.table_size) <= page_entries(geometry);
}
}  // namespace

Result<bpf_map_info> info_of(const char* name, int fd) {
    bpf_map_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0)
        return fail("read the properties of map '{}': {}", name, errno_text());
    return info;
}

Result<void> check_sizes(const MapFds& fds, const Geometry& geometry) {
    struct Size {
        std::size_t value;
        std::uint32_t entries;
    };
    const std::uint32_t services = service_entries(geometry.max_services);
    const std::uint32_t backends = backend_entries(geometry.max_backends);
    const std::map<std::string_view, Size> sizes{
        {"abi", {sizeof(abi::abi), 1}},
        {"listeners", {sizeof(abi::listener_index), abi::LISTENER_INDEXES}},
        {"services", {sizeof(abi::service), services}},
        {"tables", {sizeof(abi::table_page), page_entries(geometry)}},
        {"previous", {sizeof(abi::table_page), page_entries(geometry)}},
        {"backends", {sizeof(abi::backend), backends}},
        {"flows", {sizeof(abi::flow_record), geometry.max_flows}},
        {"fragments", {sizeof(abi::fragment_record), abi::FRAGMENTS_MAX}},
        {"clients", {sizeof(abi::client_permission), abi::CLIENT_PREFIXES_MAX}},
        {"service_stats", {sizeof(abi::service_counters), services}},
        {"backend_stats", {sizeof(abi::traffic), backends}},
        {"verdict_stats", {sizeof(abi::verdict_count), abi::VERDICT_MAX}},
    };
    Result<void> fit{};
    for_each_map(fds, [&](const char* name, const UniqueFd& fd) {
        if (!fd)
            return;
        const auto info = info_of(name, fd.get());
        const Size& wanted = sizes.at(name);
        if (fit && !info)
            fit = std::unexpected(info.error());
        else if (fit && (info->value_size != wanted.value || info->max_entries != wanted.entries))
            fit = fail("adopt map '{}': {} elements of {} bytes, expected {} of {}", name, info->max_entries,
                       info->value_size, wanted.entries, wanted.value);
    });
    return fit;
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
    const auto backends = info_of("backends", fds.backends.get());
    const auto flows = info_of("flows", fds.flows.get());
    if (!stored)
        return std::unexpected(stored.error());
    for (const auto* info : {&services, &backends, &flows}) {
        if (!*info)
            return std::unexpected(info->error());
    }
    const Geometry geometry{stored->table_size, services->max_entries - 1, backends->max_entries - 1,
                            flows->max_entries};
    if (auto fit = check_sizes(fds, geometry); !fit)
        return std::unexpected(fit.error());

    const bool writable = access == Access::kReadWrite;
    auto listeners = MappedArray::map(fds.listeners.get(), "listeners", sizeof(abi::listener_index),
                                      abi::LISTENER_INDEXES, writable);
    auto mapped_services = MappedArray::map(fds.services.get(), "services", sizeof(abi::service),
                                            services->max_entries, writable);
    auto mapped_tables = MappedArray::map(fds.tables.get(), "tables", sizeof(abi::table_page),
                                          page_entries(geometry), writable);
    auto mapped_previous = MappedArray::map(fds.previous.get(), "previous", sizeof(abi::table_page),
                                            page_entries(geometry), writable);
    auto mapped_backends = MappedArray::map(fds.backends.get(), "backends", sizeof(abi::backend),
                                            backends->max_entries, writable);
    for (const auto* mapped :
         {&listeners, &mapped_services, &mapped_tables, &mapped_previous, &mapped_backends}) {
        if (!*mapped)
            return std::unexpected(mapped->error());
    }

    Maps maps;
    maps.fds_ = std::move(fds);
    maps.geometry_ = geometry;
    maps.listeners_ = std::move(*listeners);
    maps.services_ = std::move(*mapped_services);
    maps.tables_ = std::move(*mapped_tables);
    maps.previous_ = std::move(*mapped_previous);
    maps.backends_ = std::move(*mapped_backends);
    if (auto inside = maps.check_services(); !inside)
        return std::unexpected(inside.error());
    return maps;
}

/// The entry is read once: it may change meanwhile.
std::span<std::uint16_t> Maps::slots_in(const MappedArray& pages, std::uint32_t service_number) const {
    const abi::service stored = service(service_number);
    if (!has_pages(stored, geometry_))
        return {};
    return {pages.element<std::uint16_t>(stored.first_page), stored.table_size};
}

Result<void> Maps::check_services() const {
    for (std::uint32_t number = 1; number <= geometry_.max_services; ++number) {
        const auto& stored = service(number);
        const auto backends = std::uint64_t{stored.first_backend} + stored.backend_capacity;
        if (!has_pages(stored, geometry_) || backends > geometry_.max_backends)
            return fail("adopt map 'services': service {} leads beyond the tables or the backends", number);
    }
    return {};
}

}  // namespace guideway::datapath
