// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "health/outcome.hpp"

namespace guideway::health {

/// What is broken on the way of a failed probe.
enum class Diagnosis : std::uint8_t {
    kNone,             ///< nothing is known to be
    kApplicationDown,  ///< the way is fine
    kDecapBroken,      ///< VIP missing, tunnel program missing, rp_filter
    kMtuBroken,        ///< small packets arrive, full-sized ones do not
    kHostUnreachable,
};

/// What further probes found. Those through the tunnel are not there for a probe that goes direct.
struct Findings {
    Outcome probe;                            ///< the one that failed
    Outcome direct;                           ///< the same check to the backend's own address
    Outcome direct_echo;                      ///< an echo request there
    std::optional<Outcome> tunnel_echo;       ///< a small one through the tunnel
    std::optional<Outcome> full_tunnel_echo;  ///< one of the size that clients' packets may have
};

/// kNone if what would tell could not be tried.
[[nodiscard]] Diagnosis diagnose(const Findings& findings);

/// A stable name: the metric's label (`decap_broken`).
[[nodiscard]] std::string_view name_of(Diagnosis diagnosis);
/// For people: `decap broken (...)`.
[[nodiscard]] std::string_view explain(Diagnosis diagnosis);

}  // namespace guideway::health
