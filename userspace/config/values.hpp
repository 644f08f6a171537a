// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <guideway/service.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/mapping.hpp"
#include "config/scalar.hpp"
#include "config/schema.hpp"

/// The kinds of values that the tables of keys are made of: each ties a member to its type and reader.
namespace guideway::config {

/// A single value that `read` makes from the scalar.
template <typename Owner, typename Member, typename Read>
Value<Owner> scalar(Member Owner::* member, std::string type, Read read) {
    const auto assign = [=](const Place& place, Owner& owner) {
        const Scalar* text = place.scalar(type);
        if (text == nullptr)
            return;
        if (auto value = read(*text))
            owner.*member = std::move(*value);
        else
            place.error("{}", value.error().message);
    };
    return {type, assign};
}

template <typename T>
struct Unwrapped {
    using Type = T;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
    using Type = T;
};

template <typename Owner, typename Member>
Value<Owner> integer(Member Owner::* member, std::uint64_t low, std::uint64_t high) {
    using Number = typename Unwrapped<Member>::Type;
    const auto read = [=](const Scalar& text) -> Result<Number> {
        const auto value = read_integer(text, {low, high});
        if (!value)
            return std::unexpected(value.error());
        return static_cast<Number>(*value);
    };
    return scalar(member, fmt::format("integer {}..{}", low, high), read);
}

template <typename Owner>
Value<Owner> boolean(bool Owner::* member) {
    return scalar(member, "true | false", read_boolean);
}

template <typename Owner>
Value<Owner> duration(Duration Owner::* member, Duration low, Duration high) {
    const auto read = [=](const Scalar& text) { return read_duration(text, {low, high}); };
    return scalar(member, fmt::format("duration {}..{}", duration_text(low), duration_text(high)), read);
}

template <typename Owner>
Value<Owner> percent(unsigned Owner::* member) {
    return scalar(member, "percentage 0%..100%", read_percent);
}

/// Slots of a table.
template <typename Owner, typename Member>
Value<Owner> table_size(Member Owner::* member) {
    return scalar(member, fmt::format("prime {}..{}", +TABLE_SIZE_MIN, +TABLE_SIZE_MAX), read_table_size);
}

enum class Stage : bool { kUnbuilt, kBuilt };

/// One word of a choice.
template <typename Enum>
struct Word {
    std::string_view text;
    Enum value;
    Stage stage = Stage::kBuilt;
};

template <typename Enum>
std::string join_words(const std::vector<Word<Enum>>& words, std::string_view separator,
                       std::initializer_list<Stage> stages = {Stage::kBuilt, Stage::kUnbuilt}) {
    std::string text;
    for (const Word<Enum>& word : words)
        if (std::find(stages.begin(), stages.end(), word.stage) != stages.end())
            text += fmt::format("{}{}", text.empty() ? "" : separator, word.text);
    return text;
}

template <typename Enum>
void report_unknown_word(const Place& place, const Scalar& scalar, const std::vector<Word<Enum>>& words) {
    std::vector<std::string_view> texts;
    for (const Word<Enum>& word : words)
        texts.push_back(word.text);
    place.error("'{}' is not one of {}{}", printable(scalar.text), join_words(words, ", "),
                place.has_enough_errors() ? "" : did_you_mean(scalar.text, texts));
}

/// One of some words, each of them built or not.
template <typename Owner, typename Member, typename Enum>
Value<Owner> choice(Member Owner::* member, std::vector<Word<Enum>> words) {
    const std::string type = join_words(words, " | ");
    const auto assign = [=](const Place& place, Owner& owner) {
        const Scalar* text = place.scalar(type);
        if (text == nullptr)
            return;
        const auto word = std::find_if(words.begin(), words.end(),
                                       [&](const auto& each) { return each.text == text->text; });
        if (word == words.end()) {
            report_unknown_word(place, *text, words);
            return;
        }
        owner.*member = word->value;
        if (word->stage == Stage::kUnbuilt)
            place.unbuilt("{} is not built yet ({} is)", word->text,
                          join_words(words, ", ", {Stage::kBuilt}));
    };
    Value<Owner> value{type, assign};
    value.unbuilt_words = join_words(words, ", ", {Stage::kUnbuilt});
    return value;
}

template <typename Owner, typename Item, typename Read>
Value<Owner> list(std::vector<Item> Owner::* member, std::string item_type, Read read) {
    const std::string type = fmt::format("list of {}", item_type);
    const auto assign = [=](const Place& place, Owner& owner) {
        const Sequence* sequence = place.sequence(type);
        if (sequence == nullptr)
            return;
        for (std::size_t i = 0; i < sequence->size(); ++i) {
            const Place item = place.item((*sequence)[i], i);
            const Scalar* text = item.scalar(item_type);
            if (text == nullptr)
                continue;
            if (auto value = read(*text))
                (owner.*member).push_back(std::move(*value));
            else
                item.error("{}", value.error().message);
        }
    };
    return {type, assign};
}

template <typename Child, typename Owner>
Value<Owner> with_children(Value<Owner> value, Layout layout) {
    value.layout = layout;
    value.children = texts_of<Child>;
    return value;
}

/// A mapping with keys of its own.
template <typename Owner, typename Child>
Value<Owner> section(Child Owner::* member) {
    const auto assign = [=](const Place& place, Owner& owner) { read_mapping(place, owner.*member); };
    return with_children<Child>(Value<Owner>("mapping", assign), Layout::kMapping);
}

template <typename Owner, typename Child>
Value<Owner> section(std::optional<Child> Owner::* member) {
    const auto assign = [=](const Place& place, Owner& owner) {
        read_mapping(place, (owner.*member).emplace());
    };
    return with_children<Child>(Value<Owner>("mapping", assign), Layout::kMapping);
}

/// A list of things that `read` makes from a place, each usually a mapping.
template <typename Owner, typename Child, typename Read>
Value<Owner> sections(std::vector<Child> Owner::* member, std::string type, Read read) {
    const auto assign = [=](const Place& place, Owner& owner) {
        const Sequence* sequence = place.sequence(type);
        if (sequence == nullptr)
            return;
        (owner.*member).reserve(sequence->size());
        for (std::size_t i = 0; i < sequence->size(); ++i)
            read(place.item((*sequence)[i], i), (owner.*member).emplace_back());
    };
    return with_children<Child>(Value<Owner>(type, assign), Layout::kMappings);
}

template <typename Owner, typename Child>
Value<Owner> sections(std::vector<Child> Owner::* member) {
    return sections(member, "list of mappings", read_mapping<Child>);
}

}  // namespace guideway::config
