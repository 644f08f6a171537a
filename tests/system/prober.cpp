// SPDX-License-Identifier: Apache-2.0
//
// Probes a configuration's backends as the agent does, and logs what it judges. SIGUSR1: says its counts.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "config/parser.hpp"
#include "health/monitor.hpp"
#include "net/next_hops.hpp"
#include "util/log.hpp"

using namespace guideway;

namespace {

[[noreturn]] void give_up(const std::string& why) {
    fmt::print(stderr, "prober: {}\n", why);
    std::exit(1);
}

config::Config read_config(const std::string& path) {
    const auto parsed = config::load(path);
    if (!parsed)
        give_up(parsed.error().message);
    if (!parsed->errors.empty())
        give_up(parsed->errors.front().path + ": " + parsed->errors.front().message);
    return parsed->config;
}

std::vector<IpAddress> backends_of(const std::vector<health::ServiceTargets>& targets) {
    std::set<IpAddress> backends;
    for (const auto& target : targets) {
        for (const auto& backend : target.backends)
            backends.insert(backend.address);
    }
    return {backends.begin(), backends.end()};
}

class Prober {
  public:
    explicit Prober(const config::Config& config)
        : signals_(loop_, SIGTERM, SIGINT, SIGUSR1),
          targets_(health::targets_of(config)),
          monitor_(loop_, config.datapath.probe_mark, config.datapath.max_backends,
                   [this](const std::string& service, std::span<const IpAddress> changed) {
                       for (const auto& backend : changed)
                           spdlog::info("{}: {} {}", service, backend.text(),
                                        monitor_.serves(service, backend) ? "serves" : "does not serve");
                   }) {
        auto next_hops = net::NextHops::create(loop_, [this] { refresh_next_hops(); });
        if (!next_hops)
            give_up(next_hops.error().message);
        next_hops_ = std::move(*next_hops);
        next_hops_->follow(backends_of(targets_));
        if (auto followed = monitor_.follow(targets_); !followed)
            give_up(followed.error().message);
        refresh_next_hops();
    }

    void run() {
        wait_for_signal();
        spdlog::info("probing");
        loop_.run();
    }

  private:
    void refresh_next_hops() {
        for (const auto& backend : backends_of(targets_)) {
            monitor_.set_next_hop(backend, next_hops_->at(backend), next_hops_->at(backend));
        }
    }

    void wait_for_signal() {
        signals_.async_wait([this](const boost::system::error_code& error, int signal) {
            if (error || signal != SIGUSR1)
                return loop_.stop();
            say_counts();
            wait_for_signal();
        });
    }

    void say_counts() const {
        const auto& counts = monitor_.counts();
        spdlog::info("counts: {{\"probes\":{},\"failures\":{},\"not_tried\":{},\"late\":{}}}", counts.probes,
                     counts.failures, counts.not_tried, counts.late);
        for (const auto& target : targets_) {
            for (const auto& backend : target.backends) {
                const auto facts = *monitor_.facts(target.service, backend.address);
                spdlog::info("facts: {} {} {} {} {}us {}", target.service, backend.address.text(),
                             facts.state == health::State::kUp     ? "up"
                             : facts.state == health::State::kDown ? "down"
                                                                   : "unknown",
                             name_of(facts.diagnosis), facts.latency.count(), facts.reason);
            }
        }
    }

    boost::asio::io_context loop_{1};
    boost::asio::signal_set signals_;
    std::vector<health::ServiceTargets> targets_;
    health::Monitor monitor_;
    std::unique_ptr<net::NextHops> next_hops_;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Probes a configuration's backends as the agent does");
    std::string path;
    app.add_option("-c", path, "configuration")->required();
    CLI11_PARSE(app, argc, argv);
    set_up_log();
    Prober(read_config(path)).run();
}
