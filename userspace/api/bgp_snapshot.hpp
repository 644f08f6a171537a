// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>

#include "api/metric_family.hpp"
#include "bgp/announcement.hpp"
#include "bgp/speaker.hpp"

namespace guideway::api {

/// What the routers are told, and whether they hear it.
struct BgpSnapshot {
    bgp::SpeakerStatus speaker;
    std::map<IpAddress, bgp::Announcement> vips;
};

[[nodiscard]] nlohmann::ordered_json to_json(const BgpSnapshot& bgp);
void add_bgp(Families& families, const BgpSnapshot& bgp);

}  // namespace guideway::api
