// SPDX-License-Identifier: Apache-2.0
#include "agent/backend_host.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "util/log.hpp"

namespace guideway::cli {

namespace {
struct Options {
    agent::BackendHostOptions host;
    std::vector<std::string> vips;
    std::vector<std::string> balancers;
};

std::string check_address(const std::string& text) {
    return IpAddress::parse(text) ? std::string{} : text + " is not an IP address";
}

std::vector<IpAddress> addresses(const std::vector<std::string>& texts) {
    std::vector<IpAddress> parsed;
    for (const auto& text : texts)
        parsed.push_back(*IpAddress::parse(text));
    return parsed;
}

int run(Options& options) {
    set_up_log();
    options.host.vips = addresses(options.vips);
    options.host.balancers = addresses(options.balancers);
    if (auto done = agent::run_backend_host(options.host); !done)
        return refuse(done.error());
    return kDone;
}
}  // namespace

void add_backend(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "backend", "Serve: unwrap what the balancers send, in the foreground until SIGTERM");
    auto options = std::make_shared<Options>();
    auto& host = options->host;
    host.runtime_dir = "/run/guideway-backend";
    host.pins = "/sys/fs/bpf/guideway-backend";
    command->add_option("--interface", host.interface, "where tunnelled packets arrive")
        ->required()
        ->type_name("IF");
    command->add_option("--vip", options->vips, "addresses served here")
        ->required()
        ->delimiter(',')
        ->check(CLI::Validator(check_address, "A"))
        ->type_name("");
    command->add_option("--from", options->balancers, "the balancers' outer source addresses")
        ->required()
        ->delimiter(',')
        ->check(CLI::Validator(check_address, "BALANCER"))
        ->type_name("");
    command->add_flag("--detach-on-exit", host.detach_on_exit, "undo everything at exit");
    command->add_option("--runtime-dir", host.runtime_dir, "for the lock")
        ->type_name("D")
        ->capture_default_str();
    command->add_option("--pins", host.pins, "on a BPF file system")->type_name("D")->capture_default_str();
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
