// SPDX-License-Identifier: Apache-2.0
#include "bgp/route.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace guideway::bgp {

namespace {
void sort_communities(std::vector<config::Community>& communities) {
    std::ranges::sort(communities);
    const auto repeated = std::ranges::unique(communities);
    communities.erase(repeated.begin(), repeated.end());
}
}  // namespace

Attributes attributes_of(const IpAddress& vip,
                         const std::vector<const config::RouteAttributes*>& by_precedence) {
    Attributes made;
    std::optional<config::RouteNextHop> next_hop;
    for (const auto* each : by_precedence) {
        made.communities.insert(made.communities.end(), each->communities.begin(), each->communities.end());
        if (!made.med)
            made.med = each->med;
        if (!made.local_preference)
            made.local_preference = each->local_preference;
        if (!next_hop)
            next_hop = vip.is_v4() ? each->next_hop : each->next_hop6;
    }
    if (next_hop)
        made.next_hop = next_hop->address;
    sort_communities(made.communities);
    return made;
}

Attributes with_community(Attributes attributes, const config::Community& community) {
    attributes.communities.push_back(community);
    sort_communities(attributes.communities);
    return attributes;
}

std::string prefix_text(const IpAddress& vip) {
    return fmt::format("{}/{}", vip.text(), vip.is_v4() ? 32 : 128);
}

}  // namespace guideway::bgp
