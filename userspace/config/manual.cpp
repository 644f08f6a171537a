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

constexpr std::string_view kBackendBefore = R"(.TH GUIDEWAY\-BACKEND.YAML 5 "" Guideway "File formats"
.SH NAME
guideway\-backend.yaml \- configuration of a host that serves VIPs behind Guideway balancers
.SH DESCRIPTION
.B "guideway backend \-c"
reads this YAML file when it starts, when the file changes, on SIGHUP and on
.BR "guideway reload \-\-backend" .
It is applied whole, or refused whole with every error at once.
.B guideway check
says the same before. Unknown keys are errors.
.PP
A VIP that is a prefix is a pool: packets for all its addresses are unwrapped, and with
.B addresses
a local route has this host take them; none becomes an address of lo. What listens on the wildcard address, or on one of them
(over IPv6 with IP_FREEBIND), gets them.
.PP
runtime_dir and pins do not change by a reload.
.SH KEYS
)";

constexpr std::string_view kBackendAfter = R"(.SH EXAMPLE
.nf
interfaces: [eth0]
vips: [192.0.2.10, "2001:db8:1::/64"]
balancers: [10.0.0.11, 10.0.0.12]
http: 127.0.0.1:9661
.fi
.SH FILES
.TP
.I /etc/guideway/backend.yaml
what the service reads
.SH SEE ALSO
.BR guideway\-backend (8),
.BR guideway (1)
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

template <typename Model>
std::string page(std::string_view before, std::string_view after) {
    std::string out(before);
    append_keys(out, texts_of<Model>());
    return out.append(after);
}
}  // namespace

std::string manual() {
    return page<Config>(kBefore, kAfter);
}

std::string backend_manual() {
    return page<BackendHost>(kBackendBefore, kBackendAfter);
}

}  // namespace guideway::config
