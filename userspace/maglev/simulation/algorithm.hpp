// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "maglev/simulation/fleet.hpp"

namespace guideway::maglev::simulation {

/// Ways to choose a backend for a key.
enum class Algorithm : std::uint8_t {
    kFormat1,     ///< Guideway: a base table of all members, vacant slots re-assigned
    kMaglev,      ///< the paper's table (section 3.4), rebuilt from the survivors on every change
    kRendezvous,  ///< highest random weight (Thaler, Ravishankar 1998)
    kRing,    ///< consistent hashing (Karger et al. 1997) with 1000 points for each member, as in section 5.3
    kJump,    ///< jump consistent hash (Lamping, Veach 2014) over the list of survivors
    kModulo,  ///< hash modulo the number of survivors
};

inline constexpr std::array kAlgorithms{Algorithm::kFormat1, Algorithm::kMaglev, Algorithm::kRendezvous,
                                        Algorithm::kRing,    Algorithm::kJump,   Algorithm::kModulo};

/// `format1`, `maglev`, `rendezvous`, `ring`, `jump`, `modulo`.
[[nodiscard]] std::string_view name_of(Algorithm algorithm);
[[nodiscard]] std::optional<Algorithm> algorithm_named(std::string_view name);

/// Told now and then what part of the work is done, 0..1.
using Progress = std::function<void(double done)>;

/// The member that each of `keys` keys goes to. A table has one slot for each key, so `keys` is a prime.
[[nodiscard]] std::vector<std::uint16_t> assign(Algorithm algorithm, const Fleet& fleet, std::uint32_t keys,
                                                const Progress& progress);

/// The bucket of a key among `buckets` (figure 1 of the jump hash paper).
[[nodiscard]] std::uint32_t jump_hash(std::uint64_t key, std::uint32_t buckets);

}  // namespace guideway::maglev::simulation
