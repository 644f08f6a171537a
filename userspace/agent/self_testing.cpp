// SPDX-License-Identifier: Apache-2.0
#include "agent/self_testing.hpp"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::seconds kTestInterval{1};
}  // namespace

SelfTesting::SelfTesting(Executors& executors, const RunningConfig& running,
                         const datapath::Datapath& datapath, control::Reconciler& reconciler,
                         Attaching& attaching, const Adjusting& adjusting, const Sweeping& sweeping,
                         EventLog& events, Snapshots& snapshots, std::function<void()> on_tested)
    : executors_(executors),
      running_(running),
      datapath_(datapath),
      reconciler_(reconciler),
      attaching_(attaching),
      adjusting_(adjusting),
      sweeping_(sweeping),
      events_(events),
      snapshots_(snapshots),
      on_tested_(std::move(on_tested)) {}

void SelfTesting::test() {
    result_ = run_self_test(running_.config, datapath_, reconciler_.numbering());
    if (!sweeping_.refused_flows().empty())
        result_.degraded.push_back(sweeping_.refused_flows());
}

/// Nothing is logged of the first moments, when next hops are still being resolved.
asio::awaitable<void> SelfTesting::keep_testing() {
    asio::steady_timer timer(executors_.loop);
    SelfTestResult told;
    for (;;) {
        timer.expires_after(kTestInterval);
        co_await wait(timer);
        attaching_.repair();
        mend_maps();
        test();
        if (result_ != told) {
            log_changes(told);
            told = result_;
            snapshots_.outdated();
        }
        on_tested_();
    }
}

/// Not while something computes with what the maps should hold.
void SelfTesting::mend_maps() {
    if (adjusting_.is_computing())
        return;
    if (const auto mended = reconciler_.mend(); !mended.empty())
        spdlog::warn("map {}: somebody changed what this agent wrote; written anew", fmt::join(mended, ", "));
}

void SelfTesting::log_changes(const SelfTestResult& before) const {
    if (result_.fault != before.fault) {
        if (result_.fault.empty())
            spdlog::info("the datapath forwards again");
        else
            spdlog::error("{}; nothing is forwarded", result_.fault);
        note("", result_.fault);
    }
    for (const auto& trouble : result_.degraded) {
        if (std::ranges::find(before.degraded, trouble) == before.degraded.end())
            spdlog::warn("degraded: {}", trouble);
    }
    if (result_.fault.empty() && result_.degraded.empty() && !before.degraded.empty())
        spdlog::info("no longer degraded: nothing is missing");
    for (const auto& [service, fault] : result_.services) {
        const auto known = before.services.find(service);
        if (known != before.services.end() && known->second == fault)
            continue;
        spdlog::error("service {}: {}; nothing is forwarded for it", service, fault);
        note(service, fault);
    }
    for (const auto& [service, fault] : before.services) {
        if (!result_.fault.empty() || result_.services.contains(service))
            continue;
        spdlog::info("service {}: the datapath forwards for it again", service);
        note(service, "");
    }
}

void SelfTesting::note(const std::string& service, const std::string& fault) const {
    events_.note({.kind = fault.empty() ? api::EventKind::kForwards : api::EventKind::kFault,
                  .service = service,
                  .reason = fault});
}

}  // namespace guideway::agent
