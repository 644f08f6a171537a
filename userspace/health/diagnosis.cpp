// SPDX-License-Identifier: Apache-2.0
#include "health/diagnosis.hpp"

namespace guideway::health {

namespace {
bool was_not_tried(const std::optional<Outcome>& outcome) {
    return outcome && outcome->verdict == Verdict::kNotTried;
}
}  // namespace

Diagnosis diagnose(const Findings& findings) {
    // Whatever else is wrong, an answer through the tunnel has come through the tunnel.
    const bool small_arrives = findings.tunnel_echo && findings.tunnel_echo->is_good();
    const bool full_is_lost =
        findings.full_tunnel_echo && findings.full_tunnel_echo->verdict == Verdict::kBad;
    if (findings.probe.answered && findings.probe.verdict == Verdict::kBad)
        return small_arrives && full_is_lost ? Diagnosis::kMtuBroken : Diagnosis::kApplicationDown;
    if (was_not_tried(findings.direct) || was_not_tried(findings.direct_echo) ||
        was_not_tried(findings.tunnel_echo) || was_not_tried(findings.full_tunnel_echo))
        return Diagnosis::kNone;
    const bool host_reacts = findings.direct.is_good() || findings.direct.answered;
    const bool host_echoes = findings.direct_echo.is_good();
    if (small_arrives)
        return full_is_lost ? Diagnosis::kMtuBroken : Diagnosis::kApplicationDown;
    if (!host_reacts && !host_echoes)
        return Diagnosis::kHostUnreachable;
    // A host that answers no echo at all tells nothing by being silent in the tunnel. The application may
    // serve the VIP alone: that it is silent at the host's own address tells nothing either.
    const bool tunnel_is_silent = findings.tunnel_echo && host_echoes;
    if (findings.tunnel_echo && (findings.direct.is_good() || tunnel_is_silent))
        return Diagnosis::kDecapBroken;
    return Diagnosis::kApplicationDown;
}

std::string_view name_of(Diagnosis diagnosis) {
    switch (diagnosis) {
        case Diagnosis::kNone:
            break;
        case Diagnosis::kApplicationDown:
            return "application_down";
        case Diagnosis::kDecapBroken:
            return "decap_broken";
        case Diagnosis::kMtuBroken:
            return "mtu_broken";
        case Diagnosis::kHostUnreachable:
            return "host_unreachable";
    }
    return "none";
}

std::string_view explain(Diagnosis diagnosis) {
    switch (diagnosis) {
        case Diagnosis::kNone:
            break;
        case Diagnosis::kApplicationDown:
            return "application down";
        case Diagnosis::kDecapBroken:
            return "decap broken (is the VIP on lo, the tunnel program attached, rp_filter loose?)";
        case Diagnosis::kMtuBroken:
            return "MTU broken (full-sized packets do not arrive in the tunnel)";
        case Diagnosis::kHostUnreachable:
            return "host unreachable";
    }
    return "failed";
}

}  // namespace guideway::health
