// SPDX-License-Identifier: Apache-2.0
#include "control/numbering.hpp"

#include <algorithm>
#include <set>

namespace guideway::control {

namespace {
std::uint16_t lowest_free(const std::set<std::uint16_t>& taken) {
    std::uint16_t number = 1;
    while (taken.contains(number))
        ++number;
    return number;
}

std::vector<Region> taken_regions(const Numbering& numbering) {
    std::vector<Region> regions = numbering.retired_regions;
    for (const auto& [name, service] : numbering.services)
        regions.push_back(service.region);
    std::ranges::sort(regions);
    return regions;
}

/// First fit; nothing if no gap is wide enough.
std::optional<Region> find_region(const Numbering& numbering, std::uint32_t capacity,
                                  std::uint32_t max_backends) {
    std::uint32_t first = 0;
    for (const Region& region : taken_regions(numbering)) {
        if (region.first >= first + capacity)
            break;
        first = std::max(first, region.first + region.capacity);
    }
    if (first + capacity > max_backends)
        return std::nullopt;
    return Region{first, capacity};
}

/// Room for `needed` backends, and some more to grow into where that fits.
Result<Region> allocate_region(const Numbering& numbering, const std::string& service, std::uint32_t needed,
                               std::uint32_t max_backends) {
    constexpr std::uint32_t kRoomToGrow = 8;
    const std::uint32_t roomy =
        std::min<std::uint32_t>(needed + std::max(needed / 4, kRoomToGrow), abi::SERVICE_BACKENDS_MAX);
    if (const auto region = find_region(numbering, roomy, max_backends))
        return *region;
    if (const auto region = find_region(numbering, needed, max_backends))
        return *region;
    return fail("place {} backends of service '{}' in map 'backends': no space left (max_backends is {})",
                needed, service, max_backends);
}

void number_backends(ServiceNumbers& numbers, const DesiredService& desired) {
    std::set<std::uint16_t> taken;
    std::set<IpAddress> wanted;
    for (const auto& backend : desired.backends)
        wanted.insert(backend.member.address);
    for (auto& [address, backend] : numbers.backends) {
        backend.retired = !wanted.contains(address);
        taken.insert(backend.number);
    }
    for (const auto& backend : desired.backends) {
        if (numbers.backends.contains(backend.member.address))
            continue;
        const std::uint16_t number = lowest_free(taken);
        taken.insert(number);
        numbers.backends[backend.member.address] = {number, false};
    }
}

std::uint32_t highest_number(const ServiceNumbers& numbers) {
    std::uint32_t highest = 0;
    for (const auto& [address, backend] : numbers.backends)
        highest = std::max<std::uint32_t>(highest, backend.number);
    return highest;
}
}  // namespace

Result<Numbering> renumber(const Numbering& current, const DesiredState& desired,
                           const datapath::Geometry& geometry) {
    Numbering next = current;
    std::set<std::uint16_t> taken;
    for (auto& [name, service] : next.services) {
        service.retired = true;
        taken.insert(service.number);
        for (auto& [address, backend] : service.backends)
            backend.retired = true;
    }
    for (const auto& service : desired.services) {
        auto& numbers = next.services[service.name];
        numbers.retired = false;
        if (numbers.number == 0) {
            numbers.number = lowest_free(taken);
            taken.insert(numbers.number);
            if (numbers.number > geometry.max_services)
                return fail("number service '{}': no space left (max_services is {})", service.name,
                            geometry.max_services);
        }
        number_backends(numbers, service);
        const std::uint32_t needed = highest_number(numbers);
        if (needed <= numbers.region.capacity)
            continue;
        const auto region = allocate_region(next, service.name, needed, geometry.max_backends);
        if (!region)
            return std::unexpected(region.error());
        if (numbers.region.capacity > 0)
            next.retired_regions.push_back(numbers.region);
        numbers.region = *region;
    }
    return next;
}

void release_retired(Numbering& numbering) {
    numbering.retired_regions.clear();
    std::erase_if(numbering.services, [](const auto& entry) { return entry.second.retired; });
    for (auto& [name, service] : numbering.services)
        std::erase_if(service.backends, [](const auto& entry) { return entry.second.retired; });
}

Numbering read_numbering(const datapath::Maps& maps) {
    Numbering numbering;
    for (std::uint32_t number = 1; number <= maps.geometry().max_services; ++number) {
        const auto& service = maps.service(number);
        if (service.name[0] == '\0')
            continue;
        ServiceNumbers numbers{
            .number = static_cast<std::uint16_t>(number),
            .retired = (service.flags & abi::SERVICE_RETIRED) != 0,
            .region = {service.first_backend, service.backend_capacity},
            .backends = {},
        };
        for (std::uint32_t local = 1; local <= service.backend_capacity; ++local) {
            const auto& backend = maps.backend(service.first_backend + local);
            if (backend.flags & abi::BACKEND_CONFIGURED)
                numbers.backends[abi::from_abi(backend.address)] = {
                    static_cast<std::uint16_t>(local), (backend.flags & abi::BACKEND_RETIRED) != 0};
        }
        numbering.services[std::string(service.name)] = numbers;
    }
    return numbering;
}

}  // namespace guideway::control
