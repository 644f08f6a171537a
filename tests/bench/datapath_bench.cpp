// SPDX-License-Identifier: Apache-2.0
//
// What a packet costs in the program (root): datapath_wrapper.bpf.c draws a flow for each and calls the
// program under test; the floor is the same around adjust_head and XDP_TX. Compare figures of one run only.
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>

#include "control/replayer.hpp"
#include "datapath_wrapper.skel.h"

using namespace guideway;

namespace {
constexpr std::uint32_t kRunsAtATime = 200'000;
constexpr std::uint32_t kPorts = 32768;  // as in datapath_wrapper.bpf.c
constexpr std::size_t kBackends = 16;

enum class Slots { kSettled, kMoving, kAlways };

/// What is measured, and how the packets look.
struct Case {
    std::string name;
    std::uint32_t flows = 1;
    std::uint32_t services = 1;
    bool ipv6 = false;
    bool udp = false;
    Slots slots = Slots::kSettled;
    bool vip = true;    ///< otherwise packets are for nobody here
    bool floor = false;  ///< adjust_head and XDP_TX in the program's place
};

struct Destroy {
    void operator()(datapath_wrapper_bpf* skeleton) const { datapath_wrapper_bpf::destroy(skeleton); }
};

[[noreturn]] void give_up(const std::string& reason) {
    fmt::print(stderr, "datapath_bench: {}\n", reason);
    std::exit(1);
}

IpAddress address(const std::string& text) {
    return *IpAddress::parse(text);
}

config::Config configuration(const Case& wanted) {
    config::Config config;
    config.interfaces = {"eth0"};
    config.hash_key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    config.datapath.max_flows = wanted.slots == Slots::kSettled ? 1 : 2'097'152;
    for (std::uint32_t i = 0; i < wanted.services; ++i) {
        auto& service = config.services.emplace_back();
        service.name = fmt::format("service-{}", i);
        const auto protocol = wanted.udp ? config::Protocol::kUdp : config::Protocol::kTcp;
        const std::uint32_t host = wanted.vip ? i + 1 : i + 129;
        service.listeners.push_back({address(fmt::format("192.0.2.{}", host)), 80, protocol, false});
        service.listeners.push_back({address(fmt::format("2001:db8:1::{:x}", host)), 80, protocol, false});
        if (wanted.slots == Slots::kAlways)
            service.tracking = config::Tracking::kAlways;
        for (std::size_t j = 0; j < kBackends; ++j) {
            auto& backend = service.backends.emplace_back();
            backend.address = address(fmt::format("10.0.{}.{}", i, j + 1));
            backend.name = backend.address.text();
        }
    }
    return config;
}

/// A balancer with flows that it knows, and the wrapper around it.
class Bench {
  public:
    explicit Bench(const Case& wanted) : wanted_(wanted) {
        const auto config = configuration(wanted);
        auto created = control::Replayer::create(config, {.record_decisions = false});
        if (!created)
            give_up(created.error().message);
        replayer_ = std::move(*created);
        wrapper_.reset(datapath_wrapper_bpf::open());
        wrapper_->rodata->flows = wanted.flows;
        wrapper_->rodata->services = wanted.services;
        wrapper_->rodata->ipv6 = wanted.ipv6;
        wrapper_->rodata->udp = wanted.udp;
        if (datapath_wrapper_bpf::load(wrapper_.get()) != 0)
            give_up("load the wrapper");
        const int program =
            wanted.floor ? bpf_program__fd(wrapper_->progs.datapath_floor) : replayer_->program_fd();
        const std::uint32_t key = 0;
        if (bpf_map_update_elem(bpf_map__fd(wrapper_->maps.under_test), &key, &program, BPF_ANY) != 0)
            give_up("put the program under test into the wrapper");
        if (wanted.slots != Slots::kSettled)
            know_flows(config);
        static_cast<void>(run());
    }

    /// Seconds a packet.
    double run() {
        std::vector<std::uint8_t> frame(114), out(512);
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = out.data(),
                    .data_size_in = 114, .data_size_out = 512, .repeat = kRunsAtATime);
        const auto before = std::chrono::steady_clock::now();
        if (bpf_prog_test_run_opts(bpf_program__fd(wrapper_->progs.datapath_wrapper), &options) != 0)
            give_up("run the wrapper");
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - before;
        if (options.retval != (wanted_.vip || wanted_.floor ? 3U : 2U))
            give_up(fmt::format("{}: the program returned {}", wanted_.name, options.retval));
        return time.count() / kRunsAtATime;
    }

  private:
    void know_flows(const config::Config& config) {
        const auto& maps = replayer_->maps();
        for (std::uint32_t service = 1; service <= wanted_.services && wanted_.slots == Slots::kMoving; ++service) {
            for (std::uint32_t slot = 0; slot < config.datapath.table_size; ++slot) {
                maps.previous(service)[slot] = maps.table(service)[slot];
                maps.table(service)[slot] |= abi::SLOT_MOVING;
            }
        }
        for (std::uint32_t flow = 0; flow < wanted_.flows; ++flow) {
            abi::flow_id id{};
            const std::uint32_t client = 0x0b000000 + flow / kPorts;
            id.source = abi::to_abi(address(fmt::format("{}.{}.{}.{}", client >> 24, client >> 16 & 255,
                                                        client >> 8 & 255, client & 255)));
            id.destination = abi::to_abi(address(fmt::format("192.0.2.{}", 1 + flow % wanted_.services)));
            id.source_port = __builtin_bswap16(static_cast<std::uint16_t>(1024 + flow % kPorts));
            id.destination_port = __builtin_bswap16(80);
            id.service = static_cast<std::uint16_t>(1 + flow % wanted_.services);
            id.protocol = 6;
            const abi::flow_record record{.last_seen = 0, .slot = 0, .backend = 1, .padding = 0};
            if (bpf_map_update_elem(maps.fds().flows.get(), &id, &record, BPF_ANY) != 0)
                give_up("fill the flow records");
        }
    }

    Case wanted_;
    std::unique_ptr<control::Replayer> replayer_;
    std::unique_ptr<datapath_wrapper_bpf, Destroy> wrapper_;
};

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const std::uint32_t flows : {1U, 65536U, 1048576U}) {
        const auto with = [&](const char* what, Case wanted) {
            wanted.name = fmt::format("datapath/{}/{}", what, flows);
            wanted.flows = flows;
            all.push_back(wanted);
        };
        Case plain, v6, udp, moving, always, pass, floor, floor6;
        v6.ipv6 = true;
        udp.udp = true;
        moving.slots = Slots::kMoving;
        always.slots = Slots::kAlways;
        pass.vip = false;
        floor.floor = true;
        floor6.floor = floor6.ipv6 = true;
        with("floor", floor);
        with("floor6", floor6);
        with("tcp4", plain);
        with("tcp6", v6);
        with("udp4", udp);
        with("moving", moving);
        with("always", always);
        with("pass", pass);
        if (flows == 65536) {
            for (const std::uint32_t services : {32U, 128U}) {
                Case many = plain;
                many.services = services;
                with(services == 32 ? "services32" : "services128", many);
            }
        }
    }
    return all;
}
}  // namespace

int main(int argc, char** argv) {
    for (const auto& wanted : cases()) {
        auto bench = std::make_shared<std::unique_ptr<Bench>>();
        benchmark::RegisterBenchmark(wanted.name.c_str(),
                                     [bench, wanted](benchmark::State& state) {
                                         if (!*bench)
                                             *bench = std::make_unique<Bench>(wanted);
                                         for ([[maybe_unused]] auto _ : state)
                                             state.SetIterationTime((*bench)->run());
                                     })
            ->UseManualTime()
            ->Iterations(3);
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
