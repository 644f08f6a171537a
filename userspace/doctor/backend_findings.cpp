// SPDX-License-Identifier: Apache-2.0
#include "doctor/backend_findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "doctor/verdict_findings.hpp"

namespace guideway::doctor {

namespace {
using Json = nlohmann::ordered_json;

std::string text(const Json& value) {
    return value.is_null() ? "" : value.get<std::string>();
}
}  // namespace

Findings findings_in_backend_status(const Json& status) {
    Findings findings;
    const auto& helper = status.at("helper");
    if (helper.is_null()) {
        findings.push_back({"helper", "", "no backend process runs",
                            "what is in the kernel unwraps on, but nobody repairs it or follows the file",
                            "systemctl start guideway-backend; journalctl -u guideway-backend"});
    } else if (const auto& reload = helper.at("last_reload"); !reload.at("ok").get<bool>()) {
        findings.push_back({"reload", text(helper.at("config_file")),
                            fmt::format("the last reload was refused: {}", text(reload.at("errors").at(0))),
                            "the configuration before it goes on",
                            fmt::format("guideway check -c {}", text(helper.at("config_file")))});
    }
    if (!status.at("fault").is_null())
        findings.push_back({"fault", "", text(status.at("fault")), "no packet from a balancer is served here",
                            "guideway status; journalctl -u guideway-backend"});
    for (const auto& trouble : status.at("degraded"))
        findings.push_back(
            {"host", "", text(trouble), "packets from balancers, or answers, may be lost", "as it says"});
    for (const auto& interface : status.at("interfaces")) {
        if (!interface.at("attached").get<bool>())
            findings.push_back({"attachment", text(interface.at("name")),
                                "the program that unwraps is not attached",
                                "what balancers send there is not unwrapped",
                                fmt::format("ip link show {}", text(interface.at("name")))});
    }
    for (const auto& vip : status.at("vips")) {
        if (vip.at("local").is_boolean() && !vip.at("local").get<bool>())
            findings.push_back({"vip", text(vip.at("vip")), "it is no address of this host",
                                "its packets are unwrapped, and then dropped or sent on",
                                fmt::format("ip address add {} dev lo", text(vip.at("vip")))});
    }
    std::ranges::move(findings_in_verdicts(status.at("verdicts")), std::back_inserter(findings));
    return findings;
}

}  // namespace guideway::doctor
