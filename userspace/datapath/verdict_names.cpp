// SPDX-License-Identifier: Apache-2.0
#include "datapath/verdict_names.hpp"

#include <algorithm>
#include <array>

namespace guideway::datapath {

namespace {
constexpr std::array kNames{
    VerdictName{abi::VERDICT_TOO_SHORT, "too_short", "no readable destination",
                "yes: the host's own traffic"},
    VerdictName{abi::VERDICT_NOT_IP, "not_ip", "neither IPv4 nor IPv6",
                "yes: the host's own traffic, ARP for one"},
    VerdictName{abi::VERDICT_NOT_VIP, "not_vip", "not for a VIP", "yes: the host's own traffic"},
    VerdictName{abi::VERDICT_DELIVERED_LOCALLY, "delivered_locally", "for a backend on this host",
                "yes, where a backend is the balancer's own host"},
    VerdictName{abi::VERDICT_OTHER_HOST, "other_host",
                "for a VIP, in a frame to another MAC address, to many, or to all",
                "a few: switches flood now and then. Many, or all: routers have another MAC address for this "
                "balancer than the interface has"},
    VerdictName{abi::VERDICT_LINK_CONTROL, "link_control",
                "neighbour discovery, or other control of the link, for a VIP",
                "yes, where a VIP is on the link: a router asks whether it is still there"},
    VerdictName{abi::VERDICT_FORWARDED, "forwarded", "wrapped and sent to a backend", "yes"},
    VerdictName{abi::VERDICT_REDIRECTED, "redirected", "wrapped and sent to a backend from another interface",
                "yes, with several interfaces"},
    VerdictName{abi::VERDICT_ECHO_ANSWERED, "echo_answered", "a ping of a VIP, answered", "yes"},
    VerdictName{abi::VERDICT_TOO_BIG_ANSWERED, "too_big_answered",
                "too big for the way to the backend; the sender was told",
                "for moments a flow, where a backend's MTU is below the clients' path. Growing: raise that "
                "MTU, or see why clients do not get ICMP"},
    VerdictName{abi::VERDICT_CLOSED_ANSWERED, "closed_answered",
                "UDP to a port of a VIP on which nobody listens; the sender was told",
                "yes, with `datapath.answer_closed`: traceroutes, scans"},
    VerdictName{abi::VERDICT_BAD_VERSION, "bad_version", "the IP version contradicts the Ethernet type",
                "a few: garbage from the internet"},
    VerdictName{abi::VERDICT_BAD_HEADER_LENGTH, "bad_header_length",
                "an IPv4 header shorter than 20 bytes or longer than the frame",
                "a few: garbage from the internet"},
    VerdictName{abi::VERDICT_BAD_TOTAL_LENGTH, "bad_total_length",
                "a length beyond the frame or shorter than the header", "a few: garbage from the internet"},
    VerdictName{abi::VERDICT_BAD_EXTENSION_HEADERS, "bad_extension_headers",
                "IPv6 extension headers cut off, or too many", "a few: garbage from the internet"},
    VerdictName{abi::VERDICT_BAD_TRANSPORT_HEADER, "bad_transport_header", "a TCP or UDP header cut off",
                "a few: garbage from the internet"},
    VerdictName{abi::VERDICT_FRAGMENT, "fragment", "a fragment whose first one was not seen here",
                "a few: the first one was lost, overtaken, or went to another balancer. Many: make the "
                "router spread packets by addresses alone"},
    VerdictName{abi::VERDICT_ICMP, "icmp", "neither an echo request nor an error about a flow",
                "a few: other ICMP messages are not for a VIP to answer"},
    VerdictName{abi::VERDICT_UNKNOWN_PROTOCOL, "unknown_protocol", "neither TCP, UDP nor ICMP",
                "a few: scans"},
    VerdictName{abi::VERDICT_NO_LISTENER, "no_listener", "a port of a VIP on which nobody listens",
                "yes: scans. Growing with real traffic: a listener is missing"},
    VerdictName{
        abi::VERDICT_NO_BACKEND, "no_backend", "the service has no backend to serve",
        "no: the service has no backends, or all have weight 0 or are drained. See `guideway backends`"},
    VerdictName{abi::VERDICT_NO_NEXT_HOP, "no_next_hop", "the way to the backend is not known",
                "for moments. Lasting: see the reason in `guideway backends`"},
    VerdictName{abi::VERDICT_NO_HEADROOM, "no_headroom", "the driver left no room for the outer header",
                "no: use another driver, or `datapath.mode: generic`"},
    VerdictName{abi::VERDICT_TOO_LONG, "too_long", "longer than an IP header can say once it is wrapped",
                "no: nothing on a real link is that long"},
    VerdictName{abi::VERDICT_TOO_BIG_NO_DF, "too_big_no_df",
                "too big for the way to the backend, and may be fragmented, which is not done here",
                "no: raise the MTU towards the backends by what is wrapped around"},
    VerdictName{abi::VERDICT_TOO_BIG_UNANSWERED, "too_big_unanswered",
                "too big for the way to the backend; not answered, as answers are limited",
                "a few: answers of all kinds are limited to about 950 a second and CPU, and not given about "
                "ICMP errors and later fragments"},
    VerdictName{abi::VERDICT_BAD_ICMP_ERROR, "bad_icmp_error",
                "an ICMP error that quotes no packet of this VIP",
                "a few: an error that quotes too little, a later fragment, or a packet of somebody else, or "
                "that is longer than an error may be"},
    VerdictName{abi::VERDICT_CLIENT_DENIED, "client_denied", "a client that allow and deny shut out",
                "as the service's `allow` and `deny` ask for"},
    VerdictName{
        abi::VERDICT_IMPOSSIBLE_SOURCE, "impossible_source",
        "from an address that no client behind a router can have",
        "a few: garbage from the internet. Many: have the routers drop what cannot come from where it "
        "comes (BCP 38)"},
    VerdictName{abi::VERDICT_TTL_ZERO, "ttl_zero", "TTL or hop limit 0",
                "no: a router would have dropped it; somebody sends such packets on the link"},
    VerdictName{abi::VERDICT_SOURCE_ROUTED, "source_routed",
                "an IPv4 source route, or an IPv6 routing header of type 0 or that leads on", "a few: scans"},
    VerdictName{abi::VERDICT_BAD_OPTIONS, "bad_options", "IPv4 options that cannot be told apart",
                "a few: garbage from the internet"},
    VerdictName{abi::VERDICT_BAD_CHECKSUM, "bad_checksum",
                "a wrong IPv4 header checksum, in what would have been answered",
                "no: a cable, a NIC or a router damages packets"},
    VerdictName{abi::VERDICT_ECHO_UNANSWERED, "echo_unanswered",
                "a ping of a VIP, not answered, as answers are limited",
                "a few: pings get half of the answers, about 480 a second and CPU, and other VIPs get none"},
    VerdictName{
        abi::VERDICT_ICMP_ERROR_LIMITED, "icmp_error_limited",
        "an ICMP error about a flow, beyond what a service gets of them",
        "no: about 950 a second, CPU and service get through. Somebody sends more, or a network on the "
        "way to the clients is broken"},
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
