// SPDX-License-Identifier: Apache-2.0
#include "config/place.hpp"

namespace guideway::config {

namespace {

std::string_view kind_of(const Node& node) {
    struct Name {
        std::string_view operator()(const Null&) const { return "nothing"; }
        std::string_view operator()(const Refused&) const { return "an alias"; }
        std::string_view operator()(const Scalar&) const { return "a single value"; }
        std::string_view operator()(const Sequence&) const { return "a list"; }
        std::string_view operator()(const Mapping&) const { return "a mapping"; }
    };
    return std::visit(Name{}, node.value);
}

}  // namespace

Place Place::item(const Node& node, std::size_t index) const {
    return {node, node.position, *this, "", index};
}

Place Place::value(const Entry& entry) const {
    return {entry.value, entry.value.position, *this, entry.key, 0};
}

std::optional<Place> Place::find(std::string_view key) const {
    const auto* mapping = std::get_if<Mapping>(&node_.value);
    const Entry* entry = mapping == nullptr ? nullptr : find_entry(*mapping, key);
    if (entry == nullptr)
        return std::nullopt;
    return value(*entry);
}

Place Place::key(const Entry& entry) const {
    return {entry.value, entry.position, *this, entry.key, 0};
}

Place Place::missing(std::string_view key) const {
    return {node_, position_, *this, key, 0};
}

std::string Place::path() const {
    std::string path;
    append_path(path);
    return path;
}

void Place::append_path(std::string& path) const {
    if (parent_ == nullptr)
        return;
    parent_->append_path(path);
    if (key_.empty())
        path += fmt::format("[{}]", index_);
    else
        path += (path.empty() ? "" : ".") + printable(key_);
}

const Scalar* Place::scalar(std::string_view expected) const {
    const auto* scalar = std::get_if<Scalar>(&node_.value);
    if (scalar == nullptr)
        wrong_kind(expected);
    return scalar;
}

const Sequence* Place::sequence(std::string_view expected) const {
    const auto* sequence = std::get_if<Sequence>(&node_.value);
    if (sequence == nullptr)
        wrong_kind(expected);
    return sequence;
}

const Mapping* Place::mapping(std::string_view expected) const {
    const auto* mapping = std::get_if<Mapping>(&node_.value);
    if (mapping == nullptr)
        wrong_kind(expected);
    return mapping;
}

void Place::wrong_kind(std::string_view expected) const {
    if (!std::holds_alternative<Refused>(node_.value))
        error("expected {}, found {}", expected, kind_of(node_));
}

}  // namespace guideway::config
