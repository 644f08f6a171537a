// SPDX-License-Identifier: Apache-2.0
#include "control/numbering.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace guideway::control {

namespace {
/// Numbers that are taken, as a set that tells the lowest free one.
class TakenNumbers {
  public:
    void take(std::uint16_t number) {
        if (number >= taken_.size())
            taken_.resize(number + 1U);
        taken_[number] = true;
    }
    std::uint16_t take_lowest() {
        while (lowest_ < taken_.size() && taken_[lowest_])
            ++lowest_;
        take(lowest_);
        return lowest_;
    }

  private:
    std::vector<bool> taken_;
    std::uint16_t lowest_ = 1;
};

/// The runs of a map that belong to someone.
class TakenRegions {
  public:
    void add(const Region& region) { regions_.insert(region); }

    /// First fit; nothing if no gap is wide enough.
    std::optional<Region> take(std::uint32_t capacity, std::uint32_t elements) {
        std::uint32_t first = 0;
        for (const Region& region : regions_) {
            if (region.first >= first + capacity)
                break;
            first = std::max(first, region.first + region.capacity);
        }
        if (first + capacity > elements)
            return std::nullopt;
        return *regions_.insert({first, capacity}).first;
    }

  private:
    std::set<Region> regions_;
};

/// Those of the map 'backends'.
TakenRegions backends_taken(const Numbering& numbering) {
    TakenRegions taken;
    for (const auto& region : numbering.retired_regions)
        taken.add(region);
    for (const auto& [name, service] : numbering.services)
        taken.add(service.region);
    return taken;
}

/// Those of the maps of table pages.
TakenRegions pages_taken(const Numbering& numbering) {
    TakenRegions taken;
    for (const auto& [name, service] : numbering.services)
        taken.add(service.pages);
    return taken;
}

/// Whether services get room to grow into, or just what they need.
enum class Room : bool { kToGrow, kExact };

Result<Region> allocate_region(TakenRegions& taken, const std::string& service, std::uint32_t needed,
                               Room room, std::uint32_t max_backends) {
    constexpr std::uint32_t kRoomToGrow = 8;
    const std::uint32_t more = room == Room::kToGrow ? std::max(needed / 4, kRoomToGrow) : 0;
    const auto capacity = std::min<std::uint32_t>(needed + more, abi::SERVICE_BACKENDS_MAX);
    if (const auto region = taken.take(capacity, max_backends))
        return *region;
    return fail(
        "place {} backends of service '{}' in map 'backends': no space left (max_backends is {}; those that "
        "are being removed count until their flows have ended)",
        needed, service, max_backends);
}

/// A service keeps its table's pages.
Result<void> give_pages(TakenRegions& taken, ServiceNumbers& numbers, const DesiredService& desired,
                        const datapath::Geometry& geometry) {
    if (numbers.table_size == desired.table_size)
        return {};
    if (numbers.table_size != 0)
        return fail(
            "make the table of service '{}' {} slots large: it has {} for as long as the service has flows; "
            "give the service another name for another size",
            desired.name, desired.table_size, numbers.table_size);
    const auto pages = taken.take(abi::table_pages(desired.table_size), datapath::page_entries(geometry));
    if (!pages)
        return fail(
            "place the table of service '{}', {} slots, in map 'tables': no space left in one piece (there "
            "is "
            "as much as datapath.max_services tables of datapath.table_size take; those that are being "
            "removed "
            "count until their flows have ended)",
            desired.name, desired.table_size);
    numbers.table_size = desired.table_size;
    numbers.pages = *pages;
    return {};
}

/// Every backend of `desired` keeps its number or gets the lowest free one; who is no longer there is
/// retired.
void number_backends(ServiceNumbers& numbers, const DesiredService& desired) {
    TakenNumbers taken;
    std::vector<IpAddress> wanted;
    for (const auto& backend : desired.backends)
        wanted.push_back(backend.member.address);
    std::ranges::sort(wanted);
    for (auto& backend : numbers.backends) {
        backend.retired = !std::ranges::binary_search(wanted, backend.address);
        taken.take(backend.number);
    }
    std::vector<BackendNumber> fresh;
    for (const auto& address : wanted) {
        if (numbers.find(address) == nullptr)
            fresh.push_back({address, taken.take_lowest(), false});
    }
    numbers.backends.insert(numbers.backends.end(), fresh.begin(), fresh.end());
    std::ranges::sort(numbers.backends, {}, &BackendNumber::address);
}

std::uint32_t highest_number(const ServiceNumbers& numbers) {
    std::uint32_t highest = 0;
    for (const auto& backend : numbers.backends)
        highest = std::max<std::uint32_t>(highest, backend.number);
    return highest;
}
/// How many services there are in one of both.
std::size_t count_all(const Numbering& current, const DesiredState& desired) {
    std::set<std::string> names;
    for (const auto& [name, numbers] : current.services)
        names.insert(name);
    for (const auto& service : desired.services)
        names.insert(service.name);
    return names.size();
}

Result<Numbering> renumber_with(Room room, const Numbering& current, const DesiredState& desired,
                                const datapath::Geometry& geometry) {
    Numbering next = current;
    TakenNumbers taken;
    TakenRegions regions = backends_taken(current), pages = pages_taken(current);
    for (auto& [name, service] : next.services) {
        service.retired = true;
        taken.take(service.number);
    }
    for (const auto& service : desired.services) {
        auto& numbers = next.services[service.name];
        numbers.retired = false;
        if (numbers.number == 0)
            numbers.number = taken.take_lowest();
        if (numbers.number > geometry.max_services)
            return fail(
                "number service '{}': no space left (max_services is {}; those that are being removed count "
                "for a moment: {} would do)",
                service.name, geometry.max_services, count_all(current, desired));
        if (auto given = give_pages(pages, numbers, service, geometry); !given)
            return std::unexpected(given.error());
        number_backends(numbers, service);
        const std::uint32_t needed = highest_number(numbers);
        if (needed > abi::SERVICE_BACKENDS_MAX)
            return fail(
                "number the backends of service '{}': {} with those that are being removed, and {} is the "
                "most; "
                "replace them in two steps",
                service.name, needed, static_cast<unsigned>(abi::SERVICE_BACKENDS_MAX));
        if (needed <= numbers.region.capacity)
            continue;
        const auto region = allocate_region(regions, service.name, needed, room, geometry.max_backends);
        if (!region)
            return std::unexpected(region.error());
        if (numbers.region.capacity > 0)
            next.retired_regions.push_back(numbers.region);
        numbers.region = *region;
    }
    for (auto& [name, service] : next.services) {
        for (auto& backend : service.backends)
            backend.retired = backend.retired || service.retired;
    }
    return next;
}
}  // namespace

const BackendNumber* ServiceNumbers::find(const IpAddress& backend) const {
    const auto found = std::ranges::lower_bound(backends, backend, {}, &BackendNumber::address);
    return found == backends.end() || found->address != backend ? nullptr : &*found;
}

Result<Numbering> renumber(const Numbering& current, const DesiredState& desired,
                           const datapath::Geometry& geometry) {
    auto roomy = renumber_with(Room::kToGrow, current, desired, geometry);
    return roomy ? roomy : renumber_with(Room::kExact, current, desired, geometry);
}

Retired retired_in(const Numbering& numbering) {
    Retired retired;
    retired.regions = numbering.retired_regions;
    for (const auto& [name, service] : numbering.services) {
        if (service.retired)
            retired.services.insert(name);
        for (const auto& backend : service.backends) {
            if (backend.retired && !service.retired)
                retired.backends.insert({name, backend.address});
        }
    }
    return retired;
}

void release(Numbering& numbering, const Retired& retired) {
    for (const Region& region : retired.regions)
        std::erase(numbering.retired_regions, region);
    for (const auto& service : retired.services)
        numbering.services.erase(service);
    for (auto& [name, service] : numbering.services)
        std::erase_if(service.backends, [&](const auto& backend) {
            return retired.backends.contains({name, backend.address});
        });
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
            .table_size = service.table_size,
            .pages = {service.first_page, abi::table_pages(service.table_size)},
            .backends = {},
        };
        for (std::uint32_t local = 1; local <= service.backend_capacity; ++local) {
            const auto& backend = maps.backend(service.first_backend + local);
            if (backend.flags & abi::BACKEND_CONFIGURED)
                numbers.backends.push_back({abi::from_abi(backend.address), static_cast<std::uint16_t>(local),
                                            (backend.flags & abi::BACKEND_RETIRED) != 0});
        }
        std::ranges::sort(numbers.backends, {}, &BackendNumber::address);
        numbering.services[std::string(service.name)] = std::move(numbers);
    }
    return numbering;
}

}  // namespace guideway::control
