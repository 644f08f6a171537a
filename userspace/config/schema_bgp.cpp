// SPDX-License-Identifier: Apache-2.0
#include <iterator>

#include "config/schema.hpp"
#include "config/values.hpp"

namespace guideway::config {

namespace {

using enum Presence;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// BGP counts in seconds.
Value<Peer> whole_seconds(Duration Peer::* member, Duration low, Duration high) {
    const auto read = [=](const Scalar& text) -> Result<Duration> {
        const auto read_value = read_duration(text, {low, high});
        if (read_value && *read_value % seconds(1) != Duration::zero())
            return fail("{} is not a whole number of seconds", text.text);
        return read_value;
    };
    return scalar(member, fmt::format("duration {}..{}", duration_text(low), duration_text(high)), read);
}

void read_password_file(const Place& place, Peer& peer) {
    scalar(&Peer::password_file, "path", read_absolute_path).read(place, peer);
    if (peer.password_file.empty())
        return;
    const auto text = place.context().read_file(peer.password_file);
    if (!text) {
        place.error("{}", text.error().message);
        return;
    }
    if (const auto secret = place.context().check_secret(peer.password_file); !secret)
        place.warning("{}", secret.error().message);
    if (auto password = read_password(trimmed(*text)))
        peer.password = std::move(*password);
    else
        place.error("{}: {}", peer.password_file, password.error().message);
}

/// A value of what the owner inherits.
template <typename Owner, typename Base>
Value<Owner> inherited(Value<Base> value) {
    return {value.type, value.read};
}

/// The keys of RouteAttributes, where `unset` says what holds without one.
template <typename Owner>
void add_route_keys(Keys<Owner>& keys) {
    using Routes = RouteAttributes;
    const auto add = [&](std::string_view name, Value<Routes> value, Presence presence,
                         std::string_view sample, std::string_view meaning) {
        keys.push_back({name, inherited<Owner>(std::move(value)), presence, sample, meaning});
    };
    add("communities", list(&Routes::communities, "communities", read_community), kDefault, "[]",
        "BGP communities of the routes, standard (\"64512:100\") or large (\"64512:1:2\"); a service's come "
        "beside those of all");
    add("med", integer(&Routes::med, 0, 4294967295), kOptional, "50",
        "multi-exit discriminator of the routes; without it: none");
    add("local_preference", integer(&Routes::local_preference, 0, 4294967295), kOptional, "100",
        "local preference of the routes, for routers of the same AS; without it: 100");
    add("next_hop", scalar(&Routes::next_hop, "self | IPv4 address", read_next_hop), kOptional, "self",
        "where routers send packets for IPv4 VIPs; without it: self, this balancer's end of the session");
    add("next_hop6", scalar(&Routes::next_hop6, "self | IPv6 address", read_next_hop6), kOptional, "self",
        "where routers send packets for IPv6 VIPs; without it: self, this balancer's end of the session");
}

}  // namespace

template <>
const Keys<Bgp>& keys_of() {
    static const Keys<Bgp> keys = [] {
        Keys<Bgp> made{
            {"local_as", integer(&Bgp::local_as, 1, 4294967295), kRequired, "64512",
             "this balancer's AS number"},
            {"router_id", scalar(&Bgp::router_id, "auto | IPv4 address", read_router_id), kRequired,
             "10.0.0.5",
             "this balancer's BGP identifier; auto: its end of the session with the first peer over IPv4"},
            {"peers", sections(&Bgp::peers), kRequired, "", "the routers"},
            {"graceful_shutdown", duration(&Bgp::graceful_shutdown, seconds(0), hours(1)), kDefault, "10s",
             "how long routes carry the community GRACEFUL_SHUTDOWN (65535:0) before a planned withdraw"},
            {"hold_after_kill", duration(&Bgp::hold_after_kill, seconds(0), hours(1)), kDefault, "30s",
             "how long the routes stay after the agent was killed or hangs, for the next one to take them "
             "over, "
             "while its program is attached; then they are withdrawn. 0s: they go with the agent"},
        };
        add_route_keys(made);
        return made;
    }();
    return keys;
}

template <>
const Keys<Peer>& keys_of() {
    static const Keys<Peer> keys{
        {"address", scalar(&Peer::address, "IP address", read_backend_address), kRequired, "10.0.0.1",
         "the router's address"},
        {"as", integer(&Peer::as, 1, 4294967295), kRequired, "64512", "the router's AS number"},
        {"source", scalar(&Peer::source, "IP address", read_backend_address), kOptional, "10.0.0.5",
         "this balancer's end of the session; without it: the address from which the kernel reaches the "
         "router"},
        {"port", integer(&Peer::port, 1, 65535), kDefault, "179", "the router's TCP port"},
        {"hold_time", whole_seconds(&Peer::hold_time, seconds(3), seconds(65535)), kDefault, "90s",
         "the session ends when nothing is heard for this long; the lower of both ends' holds"},
        {"password_file",
         {"path", read_password_file},
         kOptional,
         "/etc/guideway/bgp.password",
         "file that holds the session's TCP MD5 password; without it: none"},
        {"ttl", integer(&Peer::ttl, 1, 255), kOptional, "1",
         "IP TTL of the session's packets: 1 for a router on the same network, more over several hops, 255 "
         "for one that checks it; without it: the system's"},
        {"graceful_restart", whole_seconds(&Peer::graceful_restart, seconds(0), seconds(4095)), kDefault,
         "0s",
         "how long the router keeps the routes when the session breaks; also those to a dead host; 0s: not "
         "negotiated"},
        {"families", list(&Peer::families, "families", read_family), kOptional, "[ipv4]",
         "which VIPs are announced to it: ipv4, ipv6; without it: those of the address's family"},
    };
    return keys;
}

template <>
const Keys<Announce>& keys_of() {
    static const Keys<Announce> keys = [] {
        Keys<Announce> made{
            {"min_healthy", integer(&Announce::min_healthy, 0, 32767), kDefault, "1",
             "with fewer healthy backends the VIPs are withdrawn"},
            {"when",
             choice<Announce, AnnounceWhen, AnnounceWhen>(
                 &Announce::when, {{"any", AnnounceWhen::kAny}, {"all", AnnounceWhen::kAll}}),
             kDefault, "any",
             "a VIP of several services is announced when any or all of them have enough backends; all, if "
             "one of them says so"},
        };
        add_route_keys(made);
        return made;
    }();
    return keys;
}

}  // namespace guideway::config
