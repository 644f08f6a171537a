// SPDX-License-Identifier: Apache-2.0
/// How the reconciler finds and repairs what others wrote into its maps.
#include <algorithm>
#include <cstring>
#include <span>

#include "control/backend_entry.hpp"
#include "control/reconciler.hpp"
#include "control/service_entry.hpp"
#include "datapath/client_prefixes.hpp"
#include "datapath/rcu.hpp"

namespace guideway::control {

std::vector<std::string_view> Reconciler::mend() {
    std::vector<std::string_view> mended;
    if (!listeners_)
        return mended;
    if (mend_services())
        mended.push_back("services");
    if (!datapath::is_published(maps_, *listeners_)) {
        datapath::wait_for_rcu_grace_period();
        datapath::publish_listeners(maps_, *listeners_);
        mended.push_back("listeners");
    }
    if (mend_filters())
        mended.push_back("clients");
    return mended;
}

bool Reconciler::mend_services() {
    bool any = false;
    for (const auto& service : state_->services) {
        const auto& numbers = numbering_.services.at(service.name);
        const auto wanted = service_entry(service, numbers, number_in(filters_, service.name));
        auto& entry = maps_.service(numbers.number);
        if (std::memcmp(&entry, &wanted, sizeof(entry)) == 0)
            continue;
        store_words(entry, wanted);
        any = true;
    }
    return any;
}

bool Reconciler::mend_filters() {
    constexpr std::size_t kAtATime = 1024;
    std::size_t all = 0, mended = 0, left = kAtATime;
    for (const auto& [service, filter] : filters_)
        all += filter.prefixes->size();
    std::size_t first = all == 0 ? 0 : mended_ % all;
    mended_ = all <= kAtATime ? 0 : first + kAtATime;
    for (const auto& [service, filter] : filters_) {
        const std::span prefixes(*filter.prefixes);
        const auto skipped = std::min(first, prefixes.size());
        const auto part = prefixes.subspan(skipped, std::min(left, prefixes.size() - skipped));
        mended += datapath::mend_client_filter(maps_, filter.number, part);
        first -= skipped;
        left -= part.size();
    }
    return mended > 0;
}

}  // namespace guideway::control
