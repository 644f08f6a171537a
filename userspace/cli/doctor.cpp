// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/backend_status.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/current_status.hpp"
#include "cli/own_interface.hpp"
#include "datapath/attachment.hpp"
#include "doctor/backend_findings.hpp"
#include "doctor/balancer_findings.hpp"
#include "doctor/host_findings.hpp"
#include "util/exclusive_lock.hpp"

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;
using doctor::Findings;

struct Options {
    std::string path;
    StatusOptions status;
};

void add(Findings& findings, Findings more) {
    std::ranges::move(more, std::back_inserter(findings));
}

/// What would be refused if the file were read now.
Findings findings_in_file(const std::string& path, const std::vector<std::string>& errors) {
    return {{"configuration", path, fmt::format("it would be refused: {}", errors.front()),
             "the agent would not start with it, nor reload it", fmt::format("guideway check -c {}", path)}};
}

/// Programs that stand where ours is to be attached.
Findings findings_in_other_programs(const std::vector<std::string>& interfaces) {
    Findings findings;
    for (const auto& name : interfaces) {
        const unsigned index = if_nametoindex(name.c_str());
        if (index == 0)
            continue;
        if (const auto free = datapath::check_free(name, index); !free)
            findings.push_back({"other_program", name, free.error().message,
                                "an interface has room for one XDP program", "as it says"});
    }
    return findings;
}

/// Before the first start: will this host do?
Findings findings_before_start(const Options& options) {
    Findings findings = doctor::findings_in_pins(options.status.pins);
    auto config = reload_configuration(options.path);
    if (config) {
        if (const auto found = find_own_interface(config->interfaces); !found)
            config = std::unexpected(std::vector{found.error().message});
    }
    if (!config) {
        add(findings, findings_in_file(options.path, config.error()));
        return findings;
    }
    add(findings, findings_in_other_programs(config->interfaces));
    // Without a program none runs in native mode.
    auto of_interfaces = doctor::findings_in_interfaces(config->interfaces);
    std::erase_if(of_interfaces, [](const auto& each) { return each.check == "interface_mode"; });
    add(findings, std::move(of_interfaces));
    return findings;
}

/// Nobody answered. Who has the lock on the directory runs all the same, and starting another one is in vain.
void tell_hung_from_gone(Findings& findings, const std::string& runtime_dir, const std::string& unit) {
    const auto process = ExclusiveLock::holder(runtime_dir);
    const auto gone = std::ranges::find_if(
        findings, [](const auto& each) { return each.check == "agent" || each.check == "helper"; });
    if (!process || gone == findings.end())
        return;
    gone->object = fmt::format("process {}", *process);
    gone->what = "it runs, but does not answer";
    gone->mend = fmt::format("systemctl restart {0}; journalctl -u {0}", unit);
}

Findings findings_in(const Options& options, const Json& status) {
    const bool is_backend = is_backend_status(status);
    Findings findings =
        is_backend ? doctor::findings_in_backend_status(status) : doctor::findings_in_status(status);
    std::vector<std::string> attached;
    for (const auto& interface : status.at("interfaces")) {
        if (interface.at("attached").get<bool>())
            attached.push_back(interface.at("name").get<std::string>());
    }
    add(findings, doctor::findings_in_interfaces(attached));
    add(findings, doctor::findings_in_pins(options.status.pins));
    const auto& process = status.at(is_backend ? "helper" : "agent");
    if (process.is_null()) {
        tell_hung_from_gone(findings, options.status.runtime_dir,
                            is_backend ? "guideway-backend" : "guideway");
        return findings;
    }
    add(findings, doctor::findings_in_descriptors(process.at("process").get<int>()));
    if (process.at("config_file").is_null())
        return findings;
    const auto path = process.at("config_file").get<std::string>();
    std::vector<std::string> errors;
    if (is_backend) {
        if (const auto file = reload_backend_host(path); !file)
            errors = file.error();
    } else if (const auto file = reload_configuration(path); !file) {
        errors = file.error();
    }
    if (!errors.empty())
        add(findings, findings_in_file(path, errors));
    return findings;
}

Json to_json(const Findings& findings) {
    Json list = Json::array();
    for (const auto& each : findings)
        list.push_back({{"check", each.check},
                        {"object", each.object.empty() ? Json(nullptr) : Json(each.object)},
                        {"what", each.what},
                        {"why", each.why},
                        {"mend", each.mend}});
    return {{"findings", std::move(list)}};
}

void print(const Findings& findings) {
    if (findings.empty())
        fmt::print("nothing found\n");
    for (const auto& each : findings)
        fmt::print("{}{}{}\n  why   {}\n  mend  {}\n", each.object, each.object.empty() ? "" : ": ",
                   each.what, each.why, each.mend);
}

int run(Options options) {
    options.status.choose_directories();
    Findings findings = doctor::findings_in_running_kernel();
    if (!options.path.empty()) {
        add(findings, findings_before_start(options));
    } else {
        const auto status = current_status(options.status);
        if (!status)
            return refuse({status.error().message + "; before the first start: guideway doctor -c FILE"});
        add(findings, findings_in(options, *status));
    }
    if (options.status.json)
        fmt::print("{}\n", to_json(findings).dump());
    else
        print(findings);
    return findings.empty() ? kDone : kRefused;
}
}  // namespace

void add_doctor(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "doctor",
        "What is wrong with this host, why it matters, and what mends it; exits with 1 if anything is");
    auto options = std::make_shared<Options>();
    command
        ->add_option("-c,--config", options->path, "before the first start: whether this host will do for it")
        ->type_name("FILE");
    command->add_flag("--backend", options->status.backend, "of a backend host, where both are");
    options->status.add_to(*command);
    command->footer("Example: guideway doctor --json | jq -r '.findings[].mend'");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
