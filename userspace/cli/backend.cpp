// SPDX-License-Identifier: Apache-2.0
#include "backend/host.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "config/scalar.hpp"
#include "util/log.hpp"

namespace guideway::cli {

namespace {
struct Options {
    std::string log_level = "info";
    backend::BackendHostOptions host;
    std::vector<std::string> vips;
    std::vector<std::string> balancers;
};

std::string check_address(const std::string& text) {
    return IpAddress::parse(text) ? std::string{} : text + " is not an IP address";
}

/// An address is the prefix that holds it alone.
Result<config::Prefix> read_source(const std::string& text) {
    if (const auto address = IpAddress::parse(text))
        return config::Prefix{*address, static_cast<std::uint8_t>(8 * address->wire_size())};
    return config::read_prefix({text, false});
}

std::string check_source(const std::string& text) {
    const auto source = read_source(text);
    return source ? std::string{} : source.error().message;
}

std::vector<config::Prefix> sources(const std::vector<std::string>& texts) {
    std::vector<config::Prefix> parsed;
    for (const auto& text : texts)
        parsed.push_back(*read_source(text));
    return parsed;
}

std::vector<IpAddress> addresses(const std::vector<std::string>& texts) {
    std::vector<IpAddress> parsed;
    for (const auto& text : texts)
        parsed.push_back(*IpAddress::parse(text));
    return parsed;
}

int run(Options& options) {
    set_up_log(options.log_level);
    options.host.vips = addresses(options.vips);
    options.host.balancers = sources(options.balancers);
    if (auto done = backend::run_backend_host(options.host); !done)
        return refuse(done.error());
    return kDone;
}
}  // namespace

void add_backend(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "backend", "Serve: unwrap what the balancers send, in the foreground until SIGTERM");
    auto options = std::make_shared<Options>();
    auto& host = options->host;
    host.runtime_dir = kDefaultBackendRuntimeDir;
    host.pins = kDefaultBackendPins;
    add_log_level(*command, options->log_level);
    command->add_option("--interface", host.interface, "where tunnelled packets arrive")
        ->required()
        ->type_name("IF");
    command->add_option("--vip", options->vips, "addresses served here")
        ->required()
        ->delimiter(',')
        ->check(CLI::Validator(check_address, "A"))
        ->type_name("");
    command
        ->add_option("--from", options->balancers,
                     "the balancers' outer source addresses, or prefixes that hold them")
        ->required()
        ->delimiter(',')
        ->check(CLI::Validator(check_source, "BALANCER"))
        ->type_name("");
    command->add_flag("--detach-on-exit", host.detach_on_exit, "undo everything at exit");
    command->add_option("--runtime-dir", host.runtime_dir, "for the lock")
        ->type_name("D")
        ->capture_default_str();
    command->add_option("--pins", host.pins, "on a BPF file system")->type_name("D")->capture_default_str();
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
