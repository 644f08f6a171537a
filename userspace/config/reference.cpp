// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "config/schema.hpp"

namespace guideway::config {

namespace {

constexpr std::size_t kWidth = 100;

constexpr std::string_view kHeader =
    "# Every key of {}: what it means, its type, and what holds without it.\n"
    "# Keys that start with a # are not set: they have no default.\n";

/// Where the next key goes.
struct Spot {
    std::size_t indent = 0;
    bool set = true;           ///< false: commented out
    bool starts_item = false;  ///< of a list
};

std::size_t line_indent(const Spot& spot) {
    return spot.indent - (spot.starts_item ? 2 : 0);
}

void append_comment(std::string& out, std::size_t indent, std::string_view text) {
    std::string line;
    const auto flush = [&] { out += fmt::format("{:{}}# {}\n", "", indent, line); };
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        if (!line.empty() && indent + 3 + line.size() + word.size() > kWidth) {
            flush();
            line.clear();
        }
        line += fmt::format("{}{}", line.empty() ? "" : " ", word);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    flush();
}

std::string type_text(const KeyText& key) {
    const char* presence = key.presence == Presence::kRequired  ? "; required"
                           : key.presence == Presence::kDefault ? "; default"
                                                                : "";
    std::string line = fmt::format("({}{}", key.type, presence);
    if (!key.unbuilt_words.empty())
        line += fmt::format("; not built yet: {}", key.unbuilt_words);
    return line + ")";
}

void append_line(std::string& out, const Spot& spot, std::string_view text) {
    out += fmt::format("{:{}}{}{}{}\n", "", line_indent(spot), spot.set ? "" : "#",
                       spot.starts_item ? "- " : "", text);
}

void append_keys(std::string& out, const std::vector<KeyText>& keys, Spot spot);

void append_key(std::string& out, const KeyText& key, Spot spot) {
    const bool has_value = key.layout != Layout::kValue || key.presence != Presence::kOptional;
    spot.set = spot.set && has_value;
    append_comment(out, line_indent(spot), fmt::format("{} {}", key.meaning, type_text(key)));
    if (key.layout == Layout::kValue) {
        append_line(out, spot, fmt::format("{}: {}", key.name, key.sample));
        return;
    }
    append_line(out, spot, fmt::format("{}:", key.name));
    const bool is_list = key.layout == Layout::kMappings;
    const Spot inner{spot.indent + (is_list ? 4 : 2), spot.set, is_list};
    if (is_list && !key.sample.empty())
        append_line(out, inner, key.sample);
    append_keys(out, key.children(), inner);
}

void append_keys(std::string& out, const std::vector<KeyText>& keys, Spot spot) {
    for (const KeyText& key : keys) {
        if (spot.indent == 0)
            out += "\n";
        append_key(out, key, spot);
        spot.starts_item = false;
    }
}

template <typename Model>
std::string reference_of(std::string_view what) {
    std::string out = fmt::format(kHeader, what);
    append_keys(out, texts_of<Model>(), {});
    return out;
}

}  // namespace

std::string reference() {
    return reference_of<Config>("Guideway's configuration");
}

std::string backend_reference() {
    return reference_of<BackendHost>("the configuration of a backend of Guideway's");
}

}  // namespace guideway::config
