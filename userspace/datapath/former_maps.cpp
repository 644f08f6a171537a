// SPDX-License-Identifier: Apache-2.0
#include "datapath/former_maps.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <span>
#include <string_view>

namespace guideway::datapath {

namespace {
constexpr std::uint32_t kFormerVersion = 4;

/// An element of 'services'.
struct FormerService {
    std::uint32_t first_backend, backend_capacity;
    std::uint16_t flags, filter;
    std::uint8_t tracking[abi::FLOW_KINDS];
    char name[abi::SERVICE_NAME_SIZE];
};
static_assert(sizeof(FormerService) == 80);

/// An element of 'tables' and of 'previous', in bytes.
std::uint32_t table_bytes(std::uint32_t table_size) {
    constexpr std::uint32_t kAlignment = 8;
    const auto bytes = static_cast<std::uint32_t>(table_size * sizeof(std::uint16_t));
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

Result<void> check_version(const Pins& pins, const Geometry& wanted) {
    const auto fd = pins.get("abi");
    if (!fd)
        return std::unexpected(fd.error());
    const std::uint32_t key = 0;
    const auto info = info_of("abi", fd->get());
    if (!info)
        return std::unexpected(info.error());
    abi::abi stored{};
    if (info->value_size != sizeof(stored) || bpf_map_lookup_elem(fd->get(), &key, &stored) != 0 ||
        stored.version != kFormerVersion || stored.table_size != wanted.table_size)
        return fail("open pins {}: they are not of ABI version {} and {} slots a table", pins.directory(),
                    kFormerVersion, wanted.table_size);
    return {};
}

Result<MappedArray> map_former(const Pins& pins, const char* name, std::uint32_t value_size,
                               std::uint32_t entries) {
    const auto fd = pins.get(name);
    if (!fd)
        return std::unexpected(fd.error());
    const auto info = info_of(name, fd->get());
    if (!info)
        return std::unexpected(info.error());
    if (info->value_size != value_size || info->max_entries != entries)
        return fail("adopt map '{}': {} elements of {} bytes, expected {} of {}", name, info->max_entries,
                    info->value_size, entries, value_size);
    return MappedArray::map(fd->get(), name, value_size, entries, false);
}
}  // namespace

Result<FormerMaps> FormerMaps::open(const Pins& pins, const Geometry& wanted) {
    if (auto former = check_version(pins, wanted); !former)
        return std::unexpected(former.error());
    FormerMaps maps;
    maps.geometry_ = wanted;
    const std::uint32_t entries = service_entries(wanted.max_services);
    const std::uint32_t bytes = table_bytes(wanted.table_size);
    for (const auto& [name, map, size] :
         {std::tuple{"services", &maps.services_, std::uint32_t{sizeof(FormerService)}},
          {"tables", &maps.tables_, bytes},
          {"previous", &maps.previous_, bytes}}) {
        auto mapped = map_former(pins, name, size, entries);
        if (!mapped)
            return std::unexpected(mapped.error());
        *map = std::move(*mapped);
    }
    Result<void> opened{};
    for_each_map(maps.kept_, [&](const std::string_view name, UniqueFd& fd) {
        if (!opened || name == "abi" || name == "services" || name == "tables" || name == "previous")
            return;
        auto pinned = pins.get(name);
        if (pinned)
            fd = std::move(*pinned);
        else
            opened = std::unexpected(pinned.error());
    });
    if (opened)
        opened = check_sizes(maps.kept_, wanted);
    if (!opened)
        return std::unexpected(opened.error());
    return maps;
}

void FormerMaps::carry_over_to(const Maps& maps) const {
    std::uint32_t next_page = 0;
    for (std::uint32_t number = 1; number <= geometry_.max_services; ++number) {
        const auto& former = *services_.element<FormerService>(number);
        if (former.name[0] == '\0')
            continue;
        auto& service = maps.service(number);
        service.first_backend = former.first_backend;
        service.backend_capacity = former.backend_capacity;
        service.first_page = next_page;
        service.table_size = geometry_.table_size;
        service.flags = former.flags;
        service.filter = former.filter;
        std::ranges::copy(former.tracking, service.tracking);
        std::ranges::copy(former.name, service.name);
        next_page += abi::table_pages(geometry_.table_size);
        std::ranges::copy(std::span(tables_.element<std::uint16_t>(number), geometry_.table_size),
                          maps.table(number).begin());
        std::ranges::copy(std::span(previous_.element<std::uint16_t>(number), geometry_.table_size),
                          maps.previous(number).begin());
    }
}

}  // namespace guideway::datapath
