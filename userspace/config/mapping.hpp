// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/schema.hpp"
#include "config/suggestion.hpp"

/// Reading a mapping by its table of keys.
namespace guideway::config {

template <typename Owner>
void report_unknown_key(const Place& place, const Entry& entry) {
    if (entry.key == "<<") {
        place.key(entry).error("merge keys are not supported");
        return;
    }
    std::vector<std::string_view> names;
    for (const Key<Owner>& key : keys_of<Owner>())
        names.push_back(key.text.name);
    const auto key = place.key(entry);
    key.error("unknown key{}", key.has_enough_errors() ? "" : did_you_mean(entry.key, names));
}

/// The first entry under each key.
inline std::unordered_map<std::string_view, const Entry*> first_entries(const Mapping& mapping) {
    std::unordered_map<std::string_view, const Entry*> entries;
    for (const Entry& entry : mapping)
        entries.try_emplace(entry.key, &entry);
    return entries;
}

template <typename Owner>
void read_value(const Place& value, const Key<Owner>& key, Owner& owner) {
    if (std::holds_alternative<Null>(value.node().value)) {
        value.error("no value; expected {}", key.text.type);
        return;
    }
    key.read(value, owner);
}

template <typename Owner>
void read_mapping(const Place& place, Owner& owner) {
    const Mapping* mapping = place.mapping("a mapping");
    if (mapping == nullptr)
        return;
    const Keys<Owner>& keys = keys_of<Owner>();
    const auto first_of = first_entries(*mapping);
    for (const Entry& entry : *mapping) {
        const auto key = std::find_if(keys.begin(), keys.end(),
                                      [&](const auto& each) { return each.text.name == entry.key; });
        const Entry* first = first_of.at(entry.key);
        if (first != &entry)
            place.key(entry).error("repeated key; it is already set at line {}", first->position.line);
        else if (key == keys.end())
            report_unknown_key<Owner>(place, entry);
        else
            read_value(place.value(entry), *key, owner);
    }
    for (const Key<Owner>& key : keys)
        if (key.text.presence == Presence::kRequired && !first_of.contains(key.text.name))
            place.missing(key.text.name).error("required key is missing");
}

}  // namespace guideway::config
