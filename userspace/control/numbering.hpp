// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/desired_state.hpp"
#include "datapath/maps.hpp"

namespace guideway::control {

/// A run of elements: first + 1 .. first + capacity of the map 'backends', or first .. first + capacity - 1
/// of the maps of table pages.
struct Region {
    std::uint32_t first = 0;
    std::uint32_t capacity = 0;

    auto operator<=>(const Region&) const = default;
};

/// A number that a packet may still carry although nothing leads to it any more keeps its place as retired.
struct BackendNumber {
    IpAddress address;
    std::uint16_t number = 0;  ///< 1..capacity, local to the service
    bool retired = false;

    bool operator==(const BackendNumber&) const = default;
};

struct ServiceNumbers {
    std::uint16_t number = 0;
    bool retired = false;
    Region region;
    std::uint32_t table_size = 0;  ///< M, for as long as the service has its number
    Region pages;
    std::vector<BackendNumber> backends;  ///< sorted by address

    /// Nothing if the service has, and had, no such backend.
    [[nodiscard]] const BackendNumber* find(const IpAddress& backend) const;
    /// The backend's place in the map 'backends'; it must have a number.
    [[nodiscard]] std::uint32_t index_of(const IpAddress& backend) const {
        return region.first + find(backend)->number;
    }
    bool operator==(const ServiceNumbers&) const = default;
};

/// Which numbers services and backends have in the maps. Numbers are stable: whoever stays keeps his, through
/// reloads and restarts, and a retired number is given away only after release().
struct Numbering {
    std::map<std::string, ServiceNumbers> services;
    std::vector<Region> retired_regions;  ///< left by services that grew

    bool operator==(const Numbering&) const = default;
};

/// Numbers for every service and backend of `desired`, taking over what `current` has. Pure. Errors: no room.
[[nodiscard]] Result<Numbering> renumber(const Numbering& current, const DesiredState& desired,
                                         const datapath::Geometry& geometry);

/// Numbers and places that nobody has any more.
struct Retired {
    std::set<std::string> services;  ///< with all their backends
    std::set<BackendId> backends;    ///< of services that stay
    std::vector<Region> regions;
};

[[nodiscard]] Retired retired_in(const Numbering& numbering);

/// Frees what is retired; call when no packet and no flow record can refer to it any more.
void release(Numbering& numbering, const Retired& retired);

/// What the pinned maps of an earlier agent say.
[[nodiscard]] Numbering read_numbering(const datapath::Maps& maps);

}  // namespace guideway::control
