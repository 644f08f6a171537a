// SPDX-License-Identifier: Apache-2.0
#include "control/renamed_services.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "datapath/listener_index.hpp"

namespace guideway::control {

namespace {
/// A service whose name only one side has, with its traits sorted.
using Candidates = std::map<std::string, ServiceTraits>;

/// A pair of services, and how many traits they share.
struct Match {
    std::size_t shared = 0;
    std::string before, after;
};

ServiceTraits sorted(ServiceTraits traits) {
    std::ranges::sort(traits.listeners);
    std::ranges::sort(traits.backends);
    return traits;
}

template <typename T>
std::size_t count_shared(const std::vector<T>& a, const std::vector<T>& b) {
    std::vector<T> both;
    std::ranges::set_intersection(a, b, std::back_inserter(both));
    return both.size();
}

Candidates by_name(const std::vector<ServiceTraits>& services) {
    Candidates named;
    for (const auto& service : services)
        named.emplace(service.name, sorted(service));
    return named;
}

/// Those of `services` that `others` do not have under the same name, or with no listener of theirs.
Candidates missing_in(const Candidates& others, const Candidates& services) {
    Candidates candidates;
    for (const auto& [name, traits] : services) {
        const auto other = others.find(name);
        if (other == others.end() || count_shared(other->second.listeners, traits.listeners) == 0)
            candidates.emplace(name, traits);
    }
    return candidates;
}

/// Every pair that shares listeners. A listener belongs to one service of each side.
std::vector<Match> by_listeners(const Candidates& before, const Candidates& after) {
    std::map<std::string, std::string> owner;
    for (const auto& [name, traits] : before) {
        for (const auto& listener : traits.listeners)
            owner[listener] = name;
    }
    std::map<std::pair<std::string, std::string>, std::size_t> shared;
    for (const auto& [name, traits] : after) {
        for (const auto& listener : traits.listeners) {
            if (const auto found = owner.find(listener); found != owner.end())
                ++shared[{found->second, name}];
        }
    }
    std::vector<Match> matches;
    for (const auto& [names, count] : shared)
        matches.push_back({count, names.first, names.second});
    return matches;
}

/// Every pair whose shared backends are more than half of each one's.
std::vector<Match> by_backends(const Candidates& before, const Candidates& after) {
    std::vector<Match> matches;
    for (const auto& [old_name, old_traits] : before) {
        for (const auto& [new_name, new_traits] : after) {
            const auto shared = count_shared(old_traits.backends, new_traits.backends);
            if (2 * shared > std::max(old_traits.backends.size(), new_traits.backends.size()))
                matches.push_back({shared, old_name, new_name});
        }
    }
    return matches;
}

/// Takes the best matches first, and each service once; who is taken is no candidate any more.
void take(std::vector<Match> matches, Candidates& before, Candidates& after, Renames& renamed) {
    std::ranges::sort(matches, [](const Match& a, const Match& b) {
        return std::tie(b.shared, a.before, a.after) < std::tie(a.shared, b.before, b.after);
    });
    for (const auto& match : matches) {
        if (!before.contains(match.before) || !after.contains(match.after))
            continue;
        renamed[match.after] = match.before;
        before.erase(match.before);
        after.erase(match.after);
    }
}
}  // namespace

std::vector<ServiceTraits> traits_of(const config::Config& config) {
    std::vector<ServiceTraits> services;
    for (const auto& service : config.services) {
        auto& traits = services.emplace_back();
        traits.name = service.name;
        for (const auto& listener : service.listeners)
            traits.listeners.push_back(listener.text());
        for (const auto& backend : service.backends)
            traits.backends.push_back(backend.address);
    }
    return services;
}

std::vector<ServiceTraits> traits_of(const DesiredState& desired) {
    std::vector<ServiceTraits> services;
    for (const auto& service : desired.services) {
        auto& traits = services.emplace_back();
        traits.name = service.name;
        for (const auto& listener : service.listeners)
            traits.listeners.push_back(listener.text());
        for (const auto& backend : service.backends)
            traits.backends.push_back(backend.member.address);
    }
    return services;
}

Renames renamed_services(const std::vector<ServiceTraits>& before, const std::vector<ServiceTraits>& after) {
    const auto all_before = by_name(before), all_after = by_name(after);
    auto gone = missing_in(all_after, all_before);
    auto added = missing_in(all_before, all_after);
    Renames renamed;
    if (gone.empty() || added.empty())
        return renamed;
    take(by_listeners(gone, added), gone, added, renamed);
    std::erase_if(gone, [&](const auto& service) { return all_after.contains(service.first); });
    std::erase_if(added, [&](const auto& service) { return all_before.contains(service.first); });
    take(by_backends(gone, added), gone, added, renamed);
    return renamed;
}

Renames heirs(const std::vector<ServiceTraits>& before, const std::vector<ServiceTraits>& after,
              const Renames& renamed) {
    const auto all_before = by_name(before);
    auto added = by_name(after);
    std::erase_if(added, [&](const auto& service) {
        return renamed.contains(service.first) || all_before.contains(service.first);
    });
    auto matches = by_listeners(all_before, added);
    std::ranges::stable_sort(matches, std::greater{}, &Match::shared);
    Renames heirs;
    for (const auto& match : matches)
        heirs.emplace(match.after, match.before);
    return heirs;
}

Renames renamed_since(const datapath::Maps& maps, const Numbering& numbering, const config::Config& config) {
    std::map<std::uint16_t, ServiceTraits> by_number;
    std::set<std::string> names;
    for (const auto& [name, service] : numbering.services) {
        names.insert(name);
        if (service.retired)
            continue;
        auto& traits = by_number[service.number];
        traits.name = name;
        for (const auto& backend : service.backends)
            traits.backends.push_back(backend.address);
    }
    for (const auto& entry : datapath::published_listeners(maps)) {
        const config::Listener listener{
            .vip = entry.vip, .port = entry.port, .protocol = static_cast<config::Protocol>(entry.protocol)};
        if (const auto traits = by_number.find(entry.service); traits != by_number.end())
            traits->second.listeners.push_back(listener.text());
    }
    std::vector<ServiceTraits> before;
    for (auto& [number, traits] : by_number)
        before.push_back(std::move(traits));
    return without_collisions(renamed_services(before, traits_of(config)), names);
}

}  // namespace guideway::control
