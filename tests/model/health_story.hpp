// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace guideway::test {

/// What was told in a story.
struct HealthStory {
    std::vector<std::string> wrong;  ///< sentences; none if every promise was kept
    std::uint64_t probes = 0;
    std::uint64_t downs = 0;   ///< backends that ceased to serve
    std::uint64_t deaths = 0;  ///< backends whose flows were given up
};

/// A minute or two of virtual time in which links, routes and gateways of the balancer's host fail, seen by
/// it or not, backends are cut off one by one or together, lose packets, and die, and the agent is held up.
/// The project's judgements and pools decide; the rules that make outcomes of probes, and deaths of outcomes,
/// are said here once more, and must agree with them. Promises:
/// - no backend is judged to be down for what its host sees to be its own fault;
/// - none is given up that was not seen to be cut off for reset_after, by probes in a row that failed; nor
/// for
///   what cut off all together, if they come back together, too;
/// - none is given up within reset_after of its ceasing to serve, or while no other serves;
/// - a dead one gets no new flows as soon as `fall` probes can tell, and is given up soon after reset_after.
/// What is named in `without` is left out, to see that it is needed: "not-tried" (what the host cannot send
/// is bad), "way-changes" (silence while the way changed is bad), "ceased", "first-bad", "in-a-row",
/// "served-again", "begun" (the clock of a death looks at the end of a probe), "others" and "two-intervals".
[[nodiscard]] HealthStory tell_health_story(std::uint64_t seed, const std::set<std::string>& without = {});

}  // namespace guideway::test
