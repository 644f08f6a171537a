// SPDX-License-Identifier: Apache-2.0
//
// From the failure of a backend's probe that is one too many to the last slot stored in the kernel's maps
// (root): 1,000 backends are probed each second over the loopback interface, and 200 of them stop.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <vector>

#include "agent/health_watch.hpp"
#include "control/replayer.hpp"
#include "util/log.hpp"
#include "util/unique_fd.hpp"

using namespace guideway;

namespace {

constexpr int kBackends = 1000;
constexpr std::size_t kFailures = 200;
constexpr std::uint16_t kPort = 19680;
constexpr std::chrono::seconds kAtMost{30};

void require(bool done, const char* what) {
    if (done)
        return;
    fmt::print(stderr, "judgement_bench: {} failed\n", what);
    std::exit(1);
}

/// Accepts on a backend's address; nobody reads what comes.
UniqueFd listen_on(const IpAddress& address) {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(kPort);
    name.sin_addr.s_addr = inet_addr(address.text().c_str());
    const int yes = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    require(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0 &&
                ::listen(socket.get(), 4096) == 0,
            "listen on a backend's address");
    return socket;
}

config::Config fleet() {
    config::Config config;
    config.interfaces = {"lo"};
    auto& service = config.services.emplace_back();
    service.name = "web";
    service.listeners.push_back({*IpAddress::parse("192.0.2.10"), kPort, config::Protocol::kTcp, false});
    service.health.emplace();
    service.health->via = config::Via::kDirect;
    for (int i = 0; i < kBackends; ++i) {
        auto& backend = service.backends.emplace_back();
        backend.address = *IpAddress::parse(fmt::format("127.1.{}.{}", i / 250, 1 + i % 250));
        backend.name = backend.address.text();
    }
    return config;
}

/// What the agent does with judgements, and how long it takes.
class Balancer {
  public:
    explicit Balancer(const config::Config& config)
        : config_(config),
          balancer_(*control::Replayer::create(config)),
          running_(config),
          events_(executors_, running_, executors_.loop, std::filesystem::temp_directory_path()),
          health_(executors_.loop, conditions_, events_, [this] { adjust(); }, [] {}, [] {}) {
        conditions_.configure(config_, control::SteadyClock::now());
        require(health_.follow(config_, [](const auto&) { return health::LastKnown{}; }).has_value(),
                "follow the backends");
    }

    template <typename Condition>
    void run_until(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + kAtMost;
        while (!condition()) {
            require(std::chrono::steady_clock::now() < end, "wait for the judgements");
            executors_.loop.run_one_for(std::chrono::milliseconds(100));
        }
    }

    [[nodiscard]] bool warmed_up() const { return health_.warmed_up("web"); }
    [[nodiscard]] const std::vector<double>& delays() const { return delays_; }

  private:
    void adjust() {
        const auto now = control::SteadyClock::now();
        benchmark::DoNotOptimize(balancer_->reconciler().adjust(
            conditions_.changed(now),
            [&](const auto& backend) { return control::replayed_next_hop(config_.datapath, backend); }, now));
        const auto stored = std::chrono::system_clock::now();
        for (const auto& id : conditions_.failed()) {
            if (const auto facts = health_.facts(id); measured_.insert(id).second)
                delays_.push_back(std::chrono::duration<double>(stored - *facts->probed_at).count());
        }
    }

    const config::Config& config_;
    agent::Executors executors_;
    std::unique_ptr<control::Replayer> balancer_;
    control::Conditions conditions_;
    agent::RunningConfig running_;
    agent::EventLog events_;
    agent::HealthWatch health_;
    std::set<control::BackendId> measured_;
    std::vector<double> delays_;  ///< in seconds
};

void judgement_to_kernel(benchmark::State& state) {
    const auto config = fleet();
    for (auto _ : state) {
        std::vector<UniqueFd> listeners;
        for (const auto& backend : config.services.front().backends)
            listeners.push_back(listen_on(backend.address));
        Balancer balancer(config);
        balancer.run_until([&] { return balancer.warmed_up(); });
        listeners.resize(kBackends - kFailures);
        balancer.run_until([&] { return balancer.delays().size() == kFailures; });
        auto delays = balancer.delays();
        std::ranges::sort(delays);
        state.counters["p50_ms"] = delays[kFailures / 2] * 1e3;
        state.counters["p99_ms"] = delays[kFailures * 99 / 100 - 1] * 1e3;
        state.counters["max_ms"] = delays.back() * 1e3;
        state.SetIterationTime(delays[kFailures * 99 / 100 - 1]);
    }
}

BENCHMARK(judgement_to_kernel)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    set_up_log();
    agent::raise_descriptor_limit();
    benchmark::RunSpecifiedBenchmarks();
}
