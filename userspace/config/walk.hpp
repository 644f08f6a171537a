// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/place.hpp"

/// What the validators need to say where something stands.
namespace guideway::config {

/// Calls `visit` with the place of each item of a list, and the value that was read from it.
template <typename Item, typename Visit>
void walk(const Place& mapping, std::string_view key, const std::vector<Item>& items, Visit visit) {
    const auto list = mapping.find(key);
    const auto* sequence = list ? std::get_if<Sequence>(&list->node().value) : nullptr;
    if (sequence == nullptr)
        return;
    for (std::size_t i = 0; i < std::min(sequence->size(), items.size()); ++i)
        visit(list->item((*sequence)[i], i), items[i]);
}

/// Of a listener or backend that is either a single value or a mapping that has it under a key.
template <typename Visit>
void visit_text(const Place& item, std::string_view key, Visit visit) {
    if (const auto inner = item.find(key))
        visit(*inner);
    else
        visit(item);
}

/// Who was first to use something.
template <typename T>
class FirstUses {
  public:
    /// The line where it is used already, or 0 for the first use.
    std::uint32_t claim(const T& value, const Place& place) {
        const auto [use, inserted] = lines_.try_emplace(value, place.position().line);
        return inserted ? 0 : use->second;
    }

    /// The line of the first use, or 0.
    [[nodiscard]] std::uint32_t line_of(const T& value) const {
        const auto use = lines_.find(value);
        return use == lines_.end() ? 0 : use->second;
    }

    [[nodiscard]] std::size_t size() const { return lines_.size(); }

  private:
    std::unordered_map<T, std::uint32_t> lines_;
};

}  // namespace guideway::config
