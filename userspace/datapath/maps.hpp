// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "datapath/chances.hpp"
#include "datapath/mapped_array.hpp"
#include "datapath/pins.hpp"
#include "util/abi.hpp"
#include "util/unique_fd.hpp"

struct bpf_map_info;

namespace guideway::datapath {

/// What fixes the sizes of the maps: they cannot grow while packets read them.
struct Geometry {
    std::uint32_t table_size = abi::TABLE_SIZE_DEFAULT;  ///< the default M: each service has room for it
    std::uint32_t max_services = 0;
    std::uint32_t max_backends = 0;
    std::uint32_t max_flows = 0;

    bool operator==(const Geometry&) const = default;
};

/// Descriptors of the balancer's maps, under the names of their pins.
struct MapFds {
    UniqueFd abi, listeners, services, tables, previous, backends, flows, fragments, clients, service_stats,
        backend_stats, verdict_stats;
};

/// Calls `visit(name, fd)` for each of them.
template <typename Fds, typename Visit>
void for_each_map(Fds& fds, Visit visit) {
    visit("abi", fds.abi);
    visit("listeners", fds.listeners);
    visit("services", fds.services);
    visit("tables", fds.tables);
    visit("previous", fds.previous);
    visit("backends", fds.backends);
    visit("flows", fds.flows);
    visit("fragments", fds.fragments);
    visit("clients", fds.clients);
    visit("service_stats", fds.service_stats);
    visit("backend_stats", fds.backend_stats);
    visit("verdict_stats", fds.verdict_stats);
}

/// The balancer's maps, the shared ones in this process's memory. Service numbers run from 1 to
/// max_services; element 0 of services and of backends stays zero.
class Maps {
  public:
    enum class Access : std::uint8_t { kReadOnly, kReadWrite };

    /// Opens what an agent left pinned, if it has this program's ABI version.
    [[nodiscard]] static Result<Maps> open(const Pins& pins, Access access);
    [[nodiscard]] static Result<Maps> adopt(MapFds fds, Access access);

    [[nodiscard]] const Geometry& geometry() const { return geometry_; }
    [[nodiscard]] const MapFds& fds() const { return fds_; }

    [[nodiscard]] abi::listener_index& listener_index(std::uint32_t element) const {
        return *listeners_.element<abi::listener_index>(element);
    }
    [[nodiscard]] abi::service& service(std::uint32_t number) const {
        return *services_.element<abi::service>(number);
    }
    /// The slots of a service that is stored; none if its entry leads beyond the maps.
    [[nodiscard]] std::span<std::uint16_t> table(std::uint32_t service_number) const {
        return slots_in(tables_, service_number);
    }
    /// The former owners of slots that move.
    [[nodiscard]] std::span<std::uint16_t> previous(std::uint32_t service_number) const {
        return slots_in(previous_, service_number);
    }
    [[nodiscard]] abi::backend& backend(std::uint32_t index) const {
        return *backends_.element<abi::backend>(index);
    }

    /// The lists of hops of the program that uses these maps; null where the maps are only read.
    [[nodiscard]] Chances* chances() const { return chances_.get(); }
    void use_chances(Chances chances) { chances_ = std::make_unique<Chances>(std::move(chances)); }

  private:
    /// Errors: a service's entry leads beyond the maps; who may write into the pinned map may have.
    [[nodiscard]] Result<void> check_services() const;
    [[nodiscard]] std::span<std::uint16_t> slots_in(const MappedArray& pages,
                                                    std::uint32_t service_number) const;

    MapFds fds_;
    Geometry geometry_;
    MappedArray listeners_, services_, tables_, previous_, backends_;
    std::unique_ptr<Chances> chances_;
};

[[nodiscard]] Result<bpf_map_info> info_of(const char* name, int fd);

/// Checks element sizes and counts of the open maps against this version's. Errors: the first map that
/// differs.
[[nodiscard]] Result<void> check_sizes(const MapFds& fds, const Geometry& geometry);

/// The sizes of maps that a geometry asks for.
[[nodiscard]] inline std::uint32_t page_entries(const Geometry& geometry) {
    return geometry.max_services * abi::table_pages(geometry.table_size);
}
[[nodiscard]] inline std::uint32_t service_entries(std::uint32_t max_services) {
    return max_services + 1;
}
[[nodiscard]] inline std::uint32_t backend_entries(std::uint32_t max_backends) {
    return max_backends + 1;
}

}  // namespace guideway::datapath
