// SPDX-License-Identifier: Apache-2.0
#include "datapath/verdict_names.hpp"

#include <algorithm>
#include <array>

namespace guideway::datapath {

namespace {
constexpr std::array kNames{
    VerdictName{abi::VERDICT_TOO_SHORT, "too_short", "no readable destination"},
    VerdictName{abi::VERDICT_NOT_IP, "not_ip", "neither IPv4 nor IPv6"},
    VerdictName{abi::VERDICT_NOT_VIP, "not_vip", "not for a VIP"},
    VerdictName{abi::VERDICT_DELIVERED_LOCALLY, "delivered_locally", "for a backend on this host"},
    VerdictName{abi::VERDICT_FORWARDED, "forwarded", "wrapped and sent to a backend"},
    VerdictName{abi::VERDICT_REDIRECTED, "redirected",
                "wrapped and sent to a backend from another interface"},
    VerdictName{abi::VERDICT_ECHO_ANSWERED, "echo_answered", "a ping of a VIP, answered"},
    VerdictName{abi::VERDICT_TOO_BIG_ANSWERED, "too_big_answered",
                "too big for the way to the backend; the sender was told"},
    VerdictName{abi::VERDICT_BAD_VERSION, "bad_version", "the IP version contradicts the Ethernet type"},
    VerdictName{abi::VERDICT_BAD_HEADER_LENGTH, "bad_header_length",
                "an IPv4 header shorter than 20 bytes or longer than the frame"},
    VerdictName{abi::VERDICT_BAD_TOTAL_LENGTH, "bad_total_length",
                "a length beyond the frame or shorter than the header"},
    VerdictName{abi::VERDICT_BAD_EXTENSION_HEADERS, "bad_extension_headers",
                "IPv6 extension headers cut off, or too many"},
    VerdictName{abi::VERDICT_BAD_TRANSPORT_HEADER, "bad_transport_header", "a TCP or UDP header cut off"},
    VerdictName{abi::VERDICT_FRAGMENT, "fragment", "a fragment whose first one was not seen here"},
    VerdictName{abi::VERDICT_ICMP, "icmp", "neither an echo request nor an error about a flow"},
    VerdictName{abi::VERDICT_UNKNOWN_PROTOCOL, "unknown_protocol", "neither TCP, UDP nor ICMP"},
    VerdictName{abi::VERDICT_NO_LISTENER, "no_listener", "a port of a VIP on which nobody listens"},
    VerdictName{abi::VERDICT_NO_BACKEND, "no_backend", "the service has no backend to serve"},
    VerdictName{abi::VERDICT_NO_NEXT_HOP, "no_next_hop", "the way to the backend is not known"},
    VerdictName{abi::VERDICT_NO_HEADROOM, "no_headroom", "the driver left no room for the outer header"},
    VerdictName{abi::VERDICT_TOO_LONG, "too_long", "longer than an IP header can say once it is wrapped"},
    VerdictName{abi::VERDICT_TOO_BIG_NO_DF, "too_big_no_df",
                "too big for the way to the backend, and may be fragmented, which is not done here"},
    VerdictName{abi::VERDICT_TOO_BIG_UNANSWERED, "too_big_unanswered",
                "too big for the way to the backend; not answered, as answers are limited"},
    VerdictName{abi::VERDICT_BAD_ICMP_ERROR, "bad_icmp_error",
                "an ICMP error that quotes no packet of this VIP"},
    VerdictName{abi::VERDICT_CLIENT_DENIED, "client_denied", "a client that allow and deny shut out"},
};
}  // namespace

std::span<const VerdictName> verdict_names() {
    return kNames;
}

std::string_view verdict_name(abi::verdict verdict) {
    const auto found = std::ranges::find(kNames, verdict, &VerdictName::verdict);
    return found == kNames.end() ? "unknown" : found->name;
}

std::string_view verdict_action(abi::verdict verdict) {
    if (verdict >= abi::VERDICT_FIRST_DROPPED)
        return "drop";
    if (verdict == abi::VERDICT_REDIRECTED)
        return "redirect";
    return verdict >= abi::VERDICT_FIRST_SENT ? "tx" : "pass";
}

}  // namespace guideway::datapath
