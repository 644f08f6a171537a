// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "datapath/attachment.hpp"
#include "datapath/maps.hpp"
#include "datapath/pins.hpp"
#include "datapath/program.hpp"
#include "util/exclusive_lock.hpp"

namespace guideway::datapath {

/// The balancer in the kernel: program, maps, pins and links. Opening it changes nothing that forwards; the
/// maps are filled next, and attach() then puts program and maps into service at once.
class Datapath {
  public:
    /// Adopts the maps that an earlier agent left pinned, if they fit this configuration and this version.
    /// Otherwise new ones will take their place.
    [[nodiscard]] static Result<Datapath> open(const config::Config& config);

    [[nodiscard]] const Maps& maps() const { return maps_; }
    [[nodiscard]] const Pins& pins() const { return pins_; }
    [[nodiscard]] bool adopted() const { return pinned_; }
    /// Why pinned maps were not adopted; empty if there were none, or if they were.
    [[nodiscard]] const std::string& not_adopted_because() const { return not_adopted_because_; }

    /// Whether the adopted maps were used with another hash key: the flows that there are then go elsewhere.
    [[nodiscard]] bool hash_key_changed() const;

    /// Goes over to new, empty maps, which take the place of the adopted ones when attach() is called.
    [[nodiscard]] Result<void> start_afresh(const config::Config& config, const std::string& because);

    /// Lets packets leave by any of these interfaces; those that do not exist are passed over.
    [[nodiscard]] Result<void> connect(const std::vector<std::string>& interfaces) const;

    /// This host's MAC addresses, by the index of the interface that frames to them come by.
    [[nodiscard]] Result<void> set_link_addresses(const std::map<int, std::vector<MacAddress>>& addresses) {
        return program_.set_link_addresses(addresses);
    }

    [[nodiscard]] const Program& program() const { return program_; }

    /// Attaches the program to an interface and pins everything. An error leaves what was attached there.
    [[nodiscard]] Result<Attachment> attach(const std::string& interface, config::Mode mode);

    /// Detaches from all other interfaces.
    [[nodiscard]] Result<void> leave_all_but(const std::vector<std::string>& interfaces) const;

    /// Whether the pins still hold these maps. Errors: which one does not.
    [[nodiscard]] Result<void> check_pins() const;

    /// Ends forwarding: no program, no pins.
    [[nodiscard]] Result<void> remove() const;

  private:
    using HashKeyId = std::array<std::uint64_t, 2>;

    Datapath(ExclusiveLock lock, Pins pins, Program program, Maps maps, const HashKeyId& hash_key_id)
        : lock_(std::move(lock)),
          pins_(std::move(pins)),
          program_(std::move(program)),
          maps_(std::move(maps)),
          hash_key_id_(hash_key_id) {}

    ExclusiveLock lock_;
    Pins pins_;
    Program program_;
    Maps maps_;
    HashKeyId hash_key_id_;
    bool pinned_ = false;
    std::string not_adopted_because_;
};

/// The sizes that a configuration asks for.
[[nodiscard]] Geometry geometry_of(const config::Datapath& datapath);

}  // namespace guideway::datapath
