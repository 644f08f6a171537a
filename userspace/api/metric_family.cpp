// SPDX-License-Identifier: Apache-2.0
#include "api/metric_family.hpp"

#include <fmt/format.h>

#include <iterator>

namespace guideway::api {

namespace {
void append_escaped(std::string& text, std::string_view value) {
    for (const char c : value) {
        if (c == '\n')
            text += "\\n";
        else if (c == '\\' || c == '"')
            (text += '\\') += c;
        else
            text += c;
    }
}
}  // namespace

void Family::add(const Labels& labels, double value) {
    if (!std::exchange(begun_, true))
        text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name_, help_, type_);
    text_ += name_;
    char separator = '{';
    for (const auto& [label, content] : labels) {
        text_ += separator;
        text_ += label;
        text_ += "=\"";
        append_escaped(text_, content);
        text_ += '"';
        separator = ',';
    }
    text_ += labels.empty() ? " " : "} ";
    fmt::format_to(std::back_inserter(text_), "{:.16g}\n", value);
}

}  // namespace guideway::api
