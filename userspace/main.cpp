// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"

int main(int argc, char** argv) {
    using namespace guideway::cli;

    CLI::App app("Guideway: a network load balancer; Maglev on XDP", "guideway");
    app.set_version_flag("--version", version());
    app.require_subcommand(1);
    int status = kDone;
    for (auto* add :
         {add_agent,  add_backend,   add_backends, add_check,   add_compare,  add_complete, add_detach,
          add_doctor, add_drain,     add_events,   add_explain, add_flows,    add_genkey,   add_plan,
          add_relay,  add_reference, add_reload,   add_replay,  add_services, add_simulate, add_stats,
          add_status, add_table,     add_trace,    add_withdraw})
        add(app, status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kUsage;
    } catch (const nlohmann::json::exception& error) {
        return refuse({fmt::format(
            "read the agent's answer: it is not what this version understands ({}); is the agent of another "
            "version?",
            error.what())});
    } catch (const std::exception& error) {
        return refuse({fmt::format("give up: {}", error.what())});
    }
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        return refuse({"write to stdout: " + guideway::errno_text()});
    return status;
}
