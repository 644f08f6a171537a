// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "maglev/simulation/algorithm.hpp"
#include "util/result.hpp"

namespace guideway::maglev::simulation {

/// One trial: backends of equal weight, of which some fail at once.
struct Scenario {
    Algorithm algorithm = Algorithm::kFormat1;
    std::uint32_t backends = 1000;  ///< 1..32767
    std::uint32_t keys =
        65537;  ///< a prime: the size of the table, and for the other algorithms as many keys
    std::uint32_t failures = 0;  ///< less than backends
    std::uint64_t seed = 0;      ///< of the addresses, the keys and the choice of the failing
};

/// Keys of the busiest and of the idlest backend that is up, in parts of the average.
struct Load {
    double most = 0;  ///< by how much every backend must be over-provisioned
    double least = 0;
};

/// The figures of section 5.3 of the Maglev paper.
struct Outcome {
    Load before;
    Load after;
    double moved = 0;  ///< part of all keys whose backend changed; failures / backends is unavoidable
    double moved_needlessly = 0;  ///< part of the survivors' keys whose backend changed
};

/// Errors: a scenario out of range.
[[nodiscard]] Result<Outcome> simulate(const Scenario& scenario, const Progress& progress);

}  // namespace guideway::maglev::simulation
