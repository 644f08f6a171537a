// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace guideway::control {

/// Former names of services, by their names now.
using Renames = std::map<std::string, std::string>;

/// The same, and whoever of `names` would meet a service of its name gets out of the way: it is renamed to
/// what no configuration can say.
[[nodiscard]] Renames without_collisions(Renames renames, const std::set<std::string>& names);

[[nodiscard]] Renames inverse(const Renames& renames);

/// Gives the entries of a map by service name, or of a set of them, their names now.
template <typename Container>
void rename_keys(Container& container, const Renames& renames) {
    std::vector<typename Container::node_type> renamed;
    for (const auto& [now, formerly] : renames) {
        if (auto node = container.extract(formerly)) {
            if constexpr (requires { node.key(); })
                node.key() = now;
            else
                node.value() = now;
            renamed.push_back(std::move(node));
        }
    }
    for (auto& node : renamed)
        container.insert(std::move(node));
}

/// The same of a set or map by what has a member `service`.
template <typename Container>
void rename_services(Container& container, const Renames& renames) {
    if (renames.empty())
        return;
    std::map<std::string, std::string> now_by_former;
    for (const auto& [now, formerly] : renames)
        now_by_former[formerly] = now;
    Container next;
    while (!container.empty()) {
        auto node = container.extract(container.begin());
        auto& id = [&]() -> auto& {
            if constexpr (requires { node.key(); })
                return node.key();
            else
                return node.value();
        }();
        if (const auto now = now_by_former.find(id.service); now != now_by_former.end())
            id.service = now->second;
        next.insert(std::move(node));
    }
    container = std::move(next);
}

}  // namespace guideway::control
