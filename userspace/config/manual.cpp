// SPDX-License-Identifier: Apache-2.0
#include "config/manual.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "config/schema.hpp"

namespace guideway::config {

namespace {
constexpr std::string_view kBefore = R"(.TH GUIDEWAY.YAML 5 "" Guideway "File formats"
.SH NAME
guideway.yaml \- configuration of the Guideway load balancer
.SH DESCRIPTION
.BR guideway\-agent ,
that is
.BR "guideway agent" ,
reads this YAML file when it starts, when the file changes, on SIGHUP and on
.BR "guideway reload" .
It is applied whole, or refused whole with every error at once.
.B guideway check
says the same before. Unknown keys are errors.
.PP
Durations have a unit: ms, s, m, h. What is indented belongs to the key above; where a key is a list, to each of its items.
.SH KEYS
)";

constexpr std::string_view kAfter = R"(.SH FILES
.TP
.I /etc/guideway/guideway.yaml
what the service reads
.TP
.I /usr/share/doc/guideway/configs/reference.yaml
every key with its default
.SH SEE ALSO
.BR guideway (1),
.BR guideway\-backend (8)
)";

std::string escaped(std::string_view text) {
    std::string roff;
    for (const char c : text) {
        if (c == '\\')
            roff += "\\e";
        else if (c == '-')
            roff += "\\-";
        else
            roff += c;
    }
    return roff.starts_with('.') || roff.starts_with('\'') ? "\\&" + roff : roff;
}

std::string presence_text(const KeyText& key) {
    switch (key.presence) {
        case Presence::kRequired:
            return "required";
        case Presence::kDefault:
            return key.layout == Layout::kValue ? fmt::format("default {}", key.sample) : "";
        case Presence::kOptional:
        case Presence::kAlternative:
            break;
    }
    return "optional";
}

void append_keys(std::string& out, const std::vector<KeyText>& keys) {
    for (const KeyText& key : keys) {
        const auto presence = presence_text(key);
        out += fmt::format(".TP\n.B {}\n({}{}{})\n{}\n", escaped(key.name), escaped(key.type),
                           presence.empty() ? "" : "; ", escaped(presence), escaped(key.meaning));
        if (key.layout == Layout::kValue)
            continue;
        out += ".RS\n";
        append_keys(out, key.children());
        out += ".RE\n";
    }
}
}  // namespace

std::string manual() {
    std::string out(kBefore);
    append_keys(out, texts_of<Config>());
    return out.append(kAfter);
}

}  // namespace guideway::config
