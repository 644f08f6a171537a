// SPDX-License-Identifier: Apache-2.0
//
// From a validated configuration to the last slot in the kernel's maps (root). Compare figures of one run
// only.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "config/model.hpp"
#include "control/replayer.hpp"

using namespace guideway;

namespace {

constexpr std::size_t kServices = 1000;
constexpr std::size_t kBackends = 100;

IpAddress address(std::size_t high, std::size_t middle, std::size_t low) {
    return *IpAddress::parse(fmt::format("10.{}.{}.{}", high, middle, low));
}

config::Config fleet(std::size_t services, std::size_t backends) {
    config::Config config;
    config.interfaces = {"eth0"};
    config.datapath.max_services = static_cast<std::uint32_t>(services);
    config.datapath.max_backends =
        static_cast<std::uint32_t>(services * (backends + std::max<std::size_t>(backends / 4, 8)));
    for (std::size_t i = 0; i < services; ++i) {
        auto& service = config.services.emplace_back();
        service.name = fmt::format("service-{}", i);
        service.listeners.push_back({address(200, i / 256, i % 256), 80, config::Protocol::kTcp, false});
        for (std::size_t j = 0; j < backends; ++j) {
            auto& backend = service.backends.emplace_back();
            backend.address = address(i % 200, j / 256, j % 256);
            backend.name = backend.address.text();
        }
    }
    return config;
}

/// Anonymous memory of this process in MiB: without the kernel's tables that are mapped into it.
double anonymous_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:"))
            return std::stod(line.substr(8)) / 1024;
    }
    return 0;
}

/// The most of it while this lives.
class MemoryPeak {
  public:
    MemoryPeak() : sampler_([this](const std::stop_token& stop) { sample(stop); }) {}
    [[nodiscard]] double value() const { return peak_; }

  private:
    void sample(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            peak_ = std::max(peak_.load(), anonymous_memory());
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    }

    std::atomic<double> peak_ = 0;
    std::jthread sampler_;
};

std::unique_ptr<control::Replayer> empty_balancer(config::Config config) {
    config.services.clear();
    auto created = control::Replayer::create(config);
    if (!created) {
        fmt::print(stderr, "{}\n", created.error().message);
        std::exit(1);
    }
    return std::move(*created);
}

void apply(control::Replayer& balancer, const config::Config& config) {
    const auto applied = balancer.reconciler().apply(
        control::desired_state(config),
        [&](const auto& backend) { return control::replayed_next_hop(config.datapath, backend); }, {});
    if (!applied) {
        fmt::print(stderr, "{}\n", applied.error().message);
        std::exit(1);
    }
}

template <typename Work>
void timed(benchmark::State& state, Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

void first_tables(benchmark::State& state) {
    const auto config = fleet(kServices, kBackends);
    for (auto _ : state) {
        const auto balancer = empty_balancer(config);
        const MemoryPeak memory;
        timed(state, [&] { apply(*balancer, config); });
        state.counters["peak_MiB"] = memory.value();
    }
}

void reload_one_weight(benchmark::State& state) {
    auto config = fleet(kServices, kBackends);
    const auto balancer = empty_balancer(config);
    apply(*balancer, config);
    for (auto _ : state) {
        auto& weight = config.services[500].backends[50].weight;
        weight = weight == 100 ? 90 : 100;
        timed(state, [&] { apply(*balancer, config); });
    }
}

/// Lets the slots that moved come to rest; there are no flows.
void settle(control::Replayer& balancer, control::TimePoint& now) {
    for (int pass = 0; pass < 2; ++pass) {
        now += std::chrono::hours(1);
        if (!balancer.reconciler().begin_sweep(now))
            std::exit(1);
        balancer.reconciler().end_sweep();
    }
}

/// One backend of 1,000 goes down and comes back: its flag and the slots are stored in the kernel's maps.
void failover_in_kernel(benchmark::State& state) {
    const auto config = fleet(1, 1000);
    const auto balancer = empty_balancer(config);
    apply(*balancer, config);
    const auto& service = config.services.front();
    const auto next_hop_of = [&](const auto& backend) {
        return control::replayed_next_hop(config.datapath, backend);
    };
    const control::Condition down{.availability = 0, .alive = false, .state = config::BackendState::kDown};
    control::TimePoint now{};
    std::size_t victim = 0;
    for (auto _ : state) {
        const control::BackendId id{service.name,
                                    service.backends[victim++ % service.backends.size()].address};
        timed(state, [&] {
            benchmark::DoNotOptimize(balancer->reconciler().adjust({{id, down}}, next_hop_of, now));
        });
        benchmark::DoNotOptimize(balancer->reconciler().adjust({{id, {}}}, next_hop_of, now));
        settle(*balancer, now);
    }
}

void base_table(benchmark::State& state) {
    const auto backends = control::desired_state(fleet(1, 1000)).services.front().backends;
    std::vector<maglev::Member> members;
    for (const auto& backend : backends)
        members.push_back(backend.member);
    for (auto _ : state)
        timed(state, [&] { benchmark::DoNotOptimize(maglev::BaseTable::build(members, 65537)); });
}

BENCHMARK(first_tables)->Iterations(3)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(reload_one_weight)->Iterations(20)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(base_table)->Iterations(200)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(failover_in_kernel)->Iterations(1000)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
