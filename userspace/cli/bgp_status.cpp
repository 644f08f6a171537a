// SPDX-License-Identifier: Apache-2.0
#include "cli/bgp_status.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;

void print_peer(const Json& peer) {
    fmt::print("  {:<26} {:>10} {:<12} {:<20} {:>7} {:>9}  {}\n", peer.at("address").get<std::string>(),
               peer.at("as").get<std::uint32_t>(), peer.at("state").get<std::string>(),
               peer.at("since").get<std::string>(), peer.at("wanted").get<std::uint64_t>(),
               peer.at("announced").get<std::uint64_t>(),
               peer.at("last_error").is_null() ? "" : peer.at("last_error").get<std::string>());
}
}  // namespace

void print_bgp(const Json& status) {
    const auto& bgp = status.at("bgp");
    if (bgp.is_null())
        return;
    fmt::print("\nroutes {}; ExaBGP {}, restarted {} times{}\n", bgp.at("presence").get<std::string>(),
               bgp.at("running").get<bool>() ? "answers" : "does not answer",
               bgp.at("restarts").get<unsigned>(),
               bgp.at("last_error").is_null() ? "" : ": " + bgp.at("last_error").get<std::string>());
    fmt::print("  {:<26} {:>10} {:<12} {:<20} {:>7} {:>9}  {}\n", "router", "AS", "session", "since",
               "wanted", "announced", "last error");
    for (const auto& peer : bgp.at("peers"))
        print_peer(peer);
    for (const auto& vip : bgp.at("vips")) {
        if (!vip.at("announced").get<bool>())
            fmt::print("  {} is not announced: {}\n", vip.at("vip").get<std::string>(),
                       vip.at("reason").get<std::string>());
        else if (!vip.at("note").is_null())
            fmt::print("  {} serves no new flows: {}\n", vip.at("vip").get<std::string>(),
                       vip.at("note").get<std::string>());
    }
}

}  // namespace guideway::cli
