// SPDX-License-Identifier: Apache-2.0
#include "control/renamed_services.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

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

/// Those of `services` whose names `others` do not have.
Candidates missing_in(const std::vector<ServiceTraits>& others, const std::vector<ServiceTraits>& services) {
    std::set<std::string> names;
    for (const auto& other : others)
        names.insert(other.name);
    Candidates candidates;
    for (const auto& service : services) {
        if (!names.contains(service.name))
            candidates.emplace(service.name, sorted(service));
    }
    return candidates;
}

template <typename T>
std::size_t count_shared(const std::vector<T>& a, const std::vector<T>& b) {
    std::vector<T> both;
    std::ranges::set_intersection(a, b, std::back_inserter(both));
    return both.size();
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
void take(std::vector<Match> matches, Candidates& before, Candidates& after,
          std::map<std::string, std::string>& renamed) {
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

std::map<std::string, std::string> renamed_services(const std::vector<ServiceTraits>& before,
                                                    const std::vector<ServiceTraits>& after) {
    auto gone = missing_in(after, before);
    auto added = missing_in(before, after);
    std::map<std::string, std::string> renamed;
    if (gone.empty() || added.empty())
        return renamed;
    take(by_listeners(gone, added), gone, added, renamed);
    take(by_backends(gone, added), gone, added, renamed);
    return renamed;
}

}  // namespace guideway::control
