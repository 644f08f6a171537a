// SPDX-License-Identifier: Apache-2.0
#include "api/bgp_snapshot.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <nlohmann/json.hpp>

namespace guideway::api {

using Json = nlohmann::ordered_json;

namespace {
const char* text(bgp::Presence presence) {
    switch (presence) {
        case bgp::Presence::kPresent:
            return "present";
        case bgp::Presence::kLeaving:
            return "leaving";
        case bgp::Presence::kGone:
            break;
    }
    return "gone";
}

Json null_if_empty(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

std::chrono::system_clock::time_point wall_time(bgp::Time time) {
    const auto ago = std::chrono::steady_clock::now() - time;
    return std::chrono::system_clock::now() -
           std::chrono::duration_cast<std::chrono::system_clock::duration>(ago);
}

Json to_json(const bgp::PeerStatus& peer) {
    const auto since = std::chrono::floor<std::chrono::seconds>(wall_time(peer.since));
    return {{"address", peer.address.text()},
            {"as", peer.as},
            {"state", bgp::session_text(peer.session)},
            {"since", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(since))},
            {"wanted", peer.wanted},
            {"announced", peer.announced},
            {"last_error", null_if_empty(peer.last_error)}};
}
}  // namespace

Json to_json(const BgpSnapshot& bgp) {
    Json peers = Json::array();
    for (const auto& peer : bgp.speaker.peers)
        peers.push_back(to_json(peer));
    Json vips = Json::array();
    for (const auto& [vip, announcement] : bgp.vips)
        vips.push_back({{"vip", vip.text()},
                        {"announced", announcement.announced},
                        {"reason", null_if_empty(announcement.reason)},
                        {"note", null_if_empty(announcement.note)}});
    return {{"presence", text(bgp.speaker.presence)},
            {"running", bgp.speaker.running},
            {"restarts", bgp.speaker.restarts},
            {"last_error", null_if_empty(bgp.speaker.last_error)},
            {"peers", std::move(peers)},
            {"vips", std::move(vips)}};
}

void add_bgp(Families& families, const BgpSnapshot& bgp) {
    auto running = gauge("guideway_bgp_running", "1 if ExaBGP answers.");
    running.add({}, bgp.speaker.running ? 1 : 0);
    auto restarts = counter("guideway_bgp_restarts_total", "How often ExaBGP was started again.");
    restarts.add({}, bgp.speaker.restarts);
    auto up = gauge("guideway_bgp_session_up", "1 if the session with the router is established.");
    auto since = gauge("guideway_bgp_session_since_seconds",
                       "When the session came up, or ceased to be, in seconds since 1970.");
    auto error = gauge("guideway_bgp_session_error", "1 with what keeps the session with the router down.");
    auto wanted = gauge("guideway_bgp_routes_wanted", "Routes that the router shall have.");
    auto announced = gauge("guideway_bgp_routes_announced", "Routes that ExaBGP has taken for the router.");
    for (const auto& peer : bgp.speaker.peers) {
        const Labels labels{{"peer", peer.address.text()}};
        up.add(labels, peer.session == bgp::Session::kUp ? 1 : 0);
        since.add(labels, std::chrono::duration<double>(wall_time(peer.since).time_since_epoch()).count());
        if (peer.session != bgp::Session::kUp && !peer.last_error.empty())
            error.add({{"peer", peer.address.text()}, {"error", peer.last_error}}, 1);
        wanted.add(labels, static_cast<double>(peer.wanted));
        announced.add(labels, static_cast<double>(peer.announced));
    }
    auto vips = gauge("guideway_vip_announced", "1 if the VIP can be served here, so that it is announced.");
    for (const auto& [vip, announcement] : bgp.vips)
        vips.add({{"vip", vip.text()}}, announcement.announced ? 1 : 0);
    families.insert(families.end(), {running, restarts, up, since, error, wanted, announced, vips});
}

}  // namespace guideway::api
