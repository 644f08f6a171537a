// SPDX-License-Identifier: Apache-2.0
#include "cli/backend_status.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "cli/commands.hpp"
#include "datapath/decap_verdicts.hpp"
#include "util/exclusive_lock.hpp"

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;

std::string text(const Json& value) {
    return value.is_null() ? "-" : value.get<std::string>();
}

void print_helper(const Json& helper) {
    if (helper.is_null()) {
        fmt::print("no backend process is running: what it left in the kernel goes on\n");
        return;
    }
    const auto& file = helper.at("config_file");
    fmt::print("backend {} {}, process {}, since {}\n", text(helper.at("version")),
               file.is_null() ? "by its command line" : "of " + text(file), helper.at("process").get<int>(),
               text(helper.at("started")));
    const auto& reload = helper.at("last_reload");
    if (!reload.at("ok"))
        fmt::print("the last reload was refused at {}:\n  {}\n", text(reload.at("at")),
                   fmt::join(reload.at("errors").get<std::vector<std::string>>(), "\n  "));
}

const char* standing_of(const Json& vip) {
    const auto& local = vip.at("local");
    if (local.is_null())
        return "taken by others";
    return local.get<bool>() ? "local" : "NOT local";
}

void print_verdicts(const Json& verdicts) {
    fmt::print("\n{:<18} {:>15}  {}\n", "verdict", "packets", "meaning");
    for (const auto& each : datapath::decap_verdicts()) {
        const auto packets = verdicts.at(std::string(each.name)).at("packets").get<std::uint64_t>();
        if (packets > 0)
            fmt::print("{:<18} {:>15}  {}; expected: {}\n", each.name, packets, each.packet, each.production);
    }
}
}  // namespace

bool is_backend_status(const Json& status) {
    return status.is_object() && status.contains("helper");
}

void print_backend_status(const Json& status) {
    print_helper(status.at("helper"));
    if (!status.at("fault").is_null())
        fmt::print("{}: NOTHING IS SERVED\n", text(status.at("fault")));
    for (const auto& trouble : status.at("degraded"))
        fmt::print("degraded: {}\n", text(trouble));
    for (const auto& interface : status.at("interfaces"))
        fmt::print("{}: {}\n", text(interface.at("name")),
                   interface.at("attached") ? "attached" : "NOT attached");
    fmt::print("balancers: {}\n", fmt::join(status.at("balancers").get<std::vector<std::string>>(), " "));
    fmt::print("\n{:<43} {:<8} {}\n", "VIP", "kind", "this host");
    for (const auto& vip : status.at("vips"))
        fmt::print("{:<43} {:<8} {}\n", text(vip.at("vip")), text(vip.at("kind")), standing_of(vip));
    print_verdicts(status.at("verdicts"));
}

bool only_a_backend_is_here() {
    const auto is_here = [](const char* runtime_dir, const char* pins) {
        return ExclusiveLock::holder(runtime_dir).has_value() || std::filesystem::exists(pins);
    };
    return !is_here(kDefaultRuntimeDir, kDefaultPins) &&
           is_here(kDefaultBackendRuntimeDir, kDefaultBackendPins);
}

}  // namespace guideway::cli
