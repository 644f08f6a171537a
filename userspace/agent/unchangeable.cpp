// SPDX-License-Identifier: Apache-2.0
#include "agent/unchangeable.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/context.hpp"

namespace guideway::agent {

namespace {
constexpr const char* kMovesFlows = "nearly all flows would move";
constexpr const char* kRemakesMaps = "maps would have to be made anew";
constexpr const char* kMarksProbes = "probes under way carry it";
constexpr const char* kIsOpen = "the control socket is open";
constexpr const char* kHoldsState = "the running state is there";

/// Of very many, the first ones, and how many more there are.
class Findings {
  public:
    template <typename T>
    void compare(const std::string& path, const T& running, const T& next, const char* reason) {
        if (running == next)
            return;
        if (lines_.size() < config::FindingList::kKept)
            lines_.push_back(
                fmt::format("{}: does not change by a reload, since {}; restart the agent", path, reason));
        else
            ++more_;
    }
    [[nodiscard]] std::vector<std::string> take() {
        if (more_ > 0)
            lines_.push_back(fmt::format("and {} more that do not change by a reload", more_));
        return std::move(lines_);
    }

  private:
    std::vector<std::string> lines_;
    std::size_t more_ = 0;
};
}  // namespace

std::vector<std::string> unchangeable(const config::Config& running, const config::Config& next) {
    Findings findings;
    findings.compare("hash_key", running.hash_key, next.hash_key, kMovesFlows);
    findings.compare("runtime_dir", running.runtime_dir, next.runtime_dir, kHoldsState);
    findings.compare("state_dir", config::state_dir_of(running), config::state_dir_of(next), kHoldsState);
    findings.compare("control_group", running.control_group, next.control_group, kIsOpen);
    findings.compare("pins", running.pins, next.pins, kHoldsState);
    findings.compare("datapath.table_size", running.datapath.table_size, next.datapath.table_size,
                     kMovesFlows);
    findings.compare("datapath.max_services", running.datapath.max_services, next.datapath.max_services,
                     kRemakesMaps);
    findings.compare("datapath.max_backends", running.datapath.max_backends, next.datapath.max_backends,
                     kRemakesMaps);
    findings.compare("datapath.max_flows", running.datapath.max_flows, next.datapath.max_flows, kRemakesMaps);
    findings.compare("datapath.probe_mark", running.datapath.probe_mark, next.datapath.probe_mark,
                     kMarksProbes);
    for (std::size_t i = 0; i < next.services.size(); ++i) {
        const auto& service = next.services[i];
        const auto before = std::ranges::find(running.services, service.name, &config::Service::name);
        if (before == running.services.end())
            continue;
        findings.compare(fmt::format("services[{}].affinity", i), before->affinity, service.affinity,
                         kMovesFlows);
        findings.compare(fmt::format("services[{}].table_size", i),
                         config::table_size_of(*before, running.datapath),
                         config::table_size_of(service, running.datapath), kMovesFlows);
    }
    return findings.take();
}

}  // namespace guideway::agent
