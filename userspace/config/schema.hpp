// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/backend_host.hpp"
#include "config/model.hpp"
#include "config/place.hpp"

/// The table of keys: it reads the file, explains it (config/reference.hpp), and knows what is built.
namespace guideway::config {

/// How a value is laid out in the file.
enum class Layout { kValue, kMapping, kMappings };

enum class Presence {
    kRequired,
    kDefault,      ///< the sample is what holds without the key
    kOptional,     ///< the meaning says what holds without the key
    kAlternative,  ///< this or the key that the meaning names is required
};

/// What a key is, for people.
struct KeyText {
    std::string_view name;
    Presence presence = Presence::kOptional;
    std::string_view sample;    ///< as YAML; of a list of mappings: an item that is no mapping
    std::string_view meaning;   ///< one sentence, with the unit
    std::string type;           ///< "integer 0..65535"
    std::string unbuilt_words;  ///< of a choice: those that are not built yet
    Layout layout = Layout::kValue;
    std::function<std::vector<KeyText>()> children;  ///< of a mapping, or of a mapping in a list
};

/// How a value of the file becomes one of Owner's members.
template <typename Owner>
struct Value {
    using Read = std::function<void(const Place&, Owner&)>;

    Value(std::string type_text, Read reader) : type(std::move(type_text)), read(std::move(reader)) {}

    std::string type;
    Read read;  ///< reports what is wrong
    Layout layout = Layout::kValue;
    std::function<std::vector<KeyText>()> children;
    std::string unbuilt_words;
};

template <typename Owner>
struct Key {
    Key(std::string_view name, Value<Owner> value, Presence presence, std::string_view sample,
        std::string_view meaning)
        : text{name,         presence,
               sample,       meaning,
               value.type,   value.unbuilt_words,
               value.layout, std::move(value.children)},
          read(std::move(value.read)) {}

    KeyText text;
    std::function<void(const Place&, Owner&)> read;
};

template <typename Owner>
using Keys = std::vector<Key<Owner>>;

/// The keys of a mapping that describes an Owner.
template <typename Owner>
[[nodiscard]] const Keys<Owner>& keys_of();

template <>
const Keys<Config>& keys_of();
template <>
const Keys<BackendHost>& keys_of();
template <>
const Keys<Metrics>& keys_of();
template <>
const Keys<Reload>& keys_of();
template <>
const Keys<Datapath>& keys_of();
template <>
const Keys<Bgp>& keys_of();
template <>
const Keys<Peer>& keys_of();
template <>
const Keys<Service>& keys_of();
template <>
const Keys<Listener>& keys_of();
template <>
const Keys<Health>& keys_of();
template <>
const Keys<Damping>& keys_of();
template <>
const Keys<Announce>& keys_of();
template <>
const Keys<Backend>& keys_of();

template <typename Owner>
[[nodiscard]] std::vector<KeyText> texts_of() {
    std::vector<KeyText> texts;
    for (const Key<Owner>& key : keys_of<Owner>())
        texts.push_back(key.text);
    return texts;
}

}  // namespace guideway::config
