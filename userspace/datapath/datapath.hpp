// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "datapath/attachments.hpp"
#include "datapath/hash_key_id.hpp"
#include "datapath/maps.hpp"
#include "datapath/pins.hpp"
#include "datapath/program.hpp"
#include "util/exclusive_lock.hpp"

namespace guideway::datapath {

/// The balancer in the kernel: program, maps, pins and links. Opening it changes nothing that forwards; the
/// maps are filled next, and attach() then puts program and maps into service at once.
class Datapath {
  public:
    /// Adopts the maps that an earlier agent left pinned, if they fit this configuration, and are of this ABI
    /// version or the one before. Otherwise new ones will take their place.
    [[nodiscard]] static Result<Datapath> open(const config::Config& config);

    [[nodiscard]] const Maps& maps() const { return maps_; }
    [[nodiscard]] const Pins& pins() const { return pins_; }
    [[nodiscard]] bool adopted() const { return adopted_; }
    /// Until attach(): whether what is adopted was carried over from maps of the ABI version before.
    [[nodiscard]] bool carried_over() const { return adopted_ && !pinned_; }
    /// Why pinned maps were not adopted; empty if there were none, or if they were.
    [[nodiscard]] const std::string& not_adopted_because() const { return not_adopted_because_; }

    /// Whether the adopted maps were used with another hash key: the flows that there are then go elsewhere.
    [[nodiscard]] bool hash_key_changed() const;

    /// Goes over to new, empty maps, which take the place of the adopted ones when attach() is called.
    [[nodiscard]] Result<void> start_afresh(const config::Config& config, const std::string& because);

    /// What can be told of these without trying. Errors: none of them exists, or one is somebody else's.
    [[nodiscard]] Result<void> check(const std::vector<std::string>& interfaces) const {
        return attachments_.check(interfaces);
    }

    /// Lets packets leave by any of these interfaces, attaches the program to them and pins everything. Those
    /// that do not exist are passed over, if one does. An error leaves what was attached as it was.
    [[nodiscard]] Result<std::vector<Attachment>> attach(const std::vector<std::string>& interfaces,
                                                         config::Mode mode);

    /// This host's MAC addresses, by the index of the interface that frames to them come by.
    [[nodiscard]] Result<void> set_link_addresses(const std::map<int, std::vector<MacAddress>>& addresses) {
        return program_.set_link_addresses(addresses);
    }

    /// Detaches from all other interfaces.
    [[nodiscard]] Result<void> leave_all_but(const std::vector<std::string>& interfaces);

    /// Compares attachments, pins and the interfaces that packets may leave by with what they should be, and
    /// brings back what is missing. What stays broken is told once.
    [[nodiscard]] std::vector<Repair> repair();

    /// Those that are attached or should be, in the configuration's order.
    [[nodiscard]] const std::vector<InterfaceState>& interfaces() const { return attachments_.states(); }
    /// By the names that they are configured under; 0 for those that do not exist.
    [[nodiscard]] std::vector<unsigned> indexes_of(const std::vector<std::string>& interfaces) const {
        return attachments_.indexes_of(interfaces);
    }
    /// Why the pins would not hold what the program uses after this process; empty if they do.
    [[nodiscard]] const std::string& pin_trouble() const { return pin_trouble_; }
    [[nodiscard]] const Program& program() const { return program_; }

    /// Ends forwarding: no program, no pins.
    [[nodiscard]] Result<void> remove() const;

  private:
    Datapath(ExclusiveLock lock, Pins pins, Program program, Maps maps, const HashKeyId& hash_key_id)
        : lock_(std::move(lock)),
          pins_(std::move(pins)),
          program_(std::move(program)),
          maps_(std::move(maps)),
          attachments_(pins_),
          hash_key_id_(hash_key_id) {}

    [[nodiscard]] Result<void> connect(const std::vector<unsigned>& interfaces) const;
    [[nodiscard]] Result<void> repair_directory();
    [[nodiscard]] Result<std::vector<std::string>> repair_pins() const;

    ExclusiveLock lock_;
    Pins pins_;
    Program program_;
    Maps maps_;
    Attachments attachments_;
    HashKeyId hash_key_id_;
    bool adopted_ = false;
    bool pinned_ = false;
    std::string pin_trouble_;
    std::string not_adopted_because_;
};

/// The sizes that a configuration asks for.
[[nodiscard]] Geometry geometry_of(const config::Datapath& datapath);

}  // namespace guideway::datapath
