// SPDX-License-Identifier: Apache-2.0
#include "doctor/verdict_findings.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "datapath/decap_verdicts.hpp"
#include "datapath/verdict_names.hpp"

namespace guideway::doctor {

namespace {
using Json = nlohmann::ordered_json;

/// What verdicts' descriptions begin with if none should have them.
constexpr std::string_view kUnexpected = "no: ";

void note(Findings& findings, const Json& verdicts, std::string_view name, std::string_view packet,
          std::string_view in_production) {
    const auto count = verdicts.find(std::string(name));
    if (!in_production.starts_with(kUnexpected) || count == verdicts.end())
        return;
    const auto packets = count->at("packets").get<std::uint64_t>();
    if (packets > 0)
        findings.push_back({"verdict", std::string(name), fmt::format("{} packets had this verdict", packets),
                            fmt::format("each was {}", packet),
                            std::string(in_production.substr(kUnexpected.size()))});
}
}  // namespace

Findings findings_in_verdicts(const Json& verdicts) {
    Findings findings;
    for (const auto& each : datapath::verdict_names())
        note(findings, verdicts, each.name, each.meaning, each.in_production);
    for (const auto& each : datapath::decap_verdicts())
        note(findings, verdicts, each.name, each.packet, each.production);
    return findings;
}

}  // namespace guideway::doctor
