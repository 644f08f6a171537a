// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "datapath/mapped_array.hpp"
#include "datapath/maps.hpp"
#include "datapath/pins.hpp"

namespace guideway::datapath {

/// What an agent of ABI version 4 left pinned. In it a service's whole table is one element of 'tables',
/// under the service's number; all other maps but 'services' are as they are now.
class FormerMaps {
  public:
    /// Errors: what is pinned is of another version, not whole, or of other sizes.
    [[nodiscard]] static Result<FormerMaps> open(const Pins& pins, const Geometry& wanted);

    /// The maps that go on being used; the others have no descriptor.
    [[nodiscard]] const MapFds& kept() const { return kept_; }

    /// Fills the new ones, which are empty, with what the old ones hold. The program that uses the old ones
    /// may go on meanwhile: it only reads these.
    void carry_over_to(const Maps& maps) const;

  private:
    FormerMaps() = default;

    MapFds kept_;
    Geometry geometry_;
    MappedArray services_, tables_, previous_;
};

}  // namespace guideway::datapath
