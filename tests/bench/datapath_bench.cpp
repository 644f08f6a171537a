// SPDX-License-Identifier: Apache-2.0
//
// What a packet costs in the program (root): datapath_wrapper.bpf.c draws a flow for each and calls the
// program under test; the floor is the same around adjust_head and XDP_TX. And how many live frames a second
// go through a veth pair, balanced, against a program that sends them back as they are. Compare figures of
// one run only.
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <numeric>
#include <string>
#include <thread>

#include "control/replayer.hpp"
#include "datapath_wrapper.skel.h"

using namespace guideway;

namespace {
constexpr std::uint32_t kFramesAtATime = 200'000;
constexpr std::uint32_t kLiveFramesAtATime = 1'000'000;
constexpr std::size_t kFrame = 114;  // these four as in datapath_wrapper.bpf.c
constexpr std::uint32_t kPorts = 32768;
constexpr std::uint32_t kFirstPort = 1024;
constexpr std::uint32_t kClients = 0x0b000000;
constexpr int kBackends = 16;

enum class Slots { kSettled, kMoving, kAlways, kNaming };

constexpr int kHops = 4;

/// What is measured, and how the packets look.
struct Case {
    std::uint32_t flows = 1;
    std::uint32_t services = 1;
    bool ipv6 = false;
    bool udp = false;
    Slots slots = Slots::kSettled;
    bool vip = true;  ///< otherwise packets are for nobody here
    /// What runs in the balancer's place: adjust_head and XDP_TX; that and the flow hash; somebody's program.
    enum class Under { kBalancer, kFloor, kLimit, kOther } under = Under::kBalancer;
    std::uint32_t table_size = 65537;
    bool on_two_cpus = false;    ///< another CPU runs the same program meanwhile
    bool beside_naming = false;  ///< another service tracks by second chance, and its slots move
    bool all_features = false;   ///< another service has a filter, GRE and records of all flows
};

struct Destroy {
    void operator()(datapath_wrapper_bpf* skeleton) const { datapath_wrapper_bpf::destroy(skeleton); }
};
using Wrapper = std::unique_ptr<datapath_wrapper_bpf, Destroy>;

[[noreturn]] void give_up(const std::string& reason) {
    fmt::print(stderr, "datapath_bench: {}\n", reason);
    std::exit(1);
}

/// That this thread has run: what else the machine does meanwhile does not count.
double thread_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

IpAddress address(const std::string& text) {
    return *IpAddress::parse(text);
}

config::Service service_of(const Case& wanted, std::uint32_t number) {
    config::Service service;
    service.name = fmt::format("service-{}", number);
    const auto protocol = wanted.udp ? config::Protocol::kUdp : config::Protocol::kTcp;
    constexpr std::uint32_t kFirstVip = 0xc0000201;  // 192.0.2.1
    constexpr std::uint32_t kNobodys = 128;
    const std::uint32_t host = wanted.vip ? number : kNobodys + number;
    const std::uint32_t vip = htonl(kFirstVip - 1 + host);
    service.listeners.push_back({IpAddress::from_network(&vip, true), 80, protocol, false});
    service.listeners.push_back({address(fmt::format("2001:db8:1::{:x}", host)), 80, protocol, false});
    if (wanted.slots == Slots::kAlways)
        service.tracking = config::Tracking::kAlways;
    if (wanted.slots == Slots::kNaming)
        service.tracking = config::Tracking::kSecondChance;
    for (int i = 1; i <= kBackends; ++i) {
        auto& backend = service.backends.emplace_back();
        backend.address = address(fmt::format("10.{}.{}.{}", number / 256, number % 256, i));
        backend.name = backend.address.text();
    }
    return service;
}

config::Config configuration(const Case& wanted) {
    config::Config config;
    config.interfaces = {"eth0"};
    config.hash_key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    config.datapath.table_size = wanted.table_size;
    config.datapath.max_services = wanted.services + 1;
    const bool records = wanted.slots == Slots::kMoving || wanted.slots == Slots::kAlways;
    config.datapath.max_flows = records ? 2 * wanted.flows : 1;
    for (std::uint32_t number = 1; number <= wanted.services; ++number)
        config.services.push_back(service_of(wanted, number));
    if (wanted.beside_naming) {
        auto other = service_of(wanted, wanted.services + 1);
        other.tracking = config::Tracking::kSecondChance;
        config.services.push_back(other);
    }
    if (wanted.all_features) {
        auto other = service_of(wanted, wanted.services + 1);
        other.tracking = config::Tracking::kAlways;
        other.encapsulation = config::Encapsulation::kGre;
        other.deny = {{address("198.51.100.0"), 24}};
        config.services.push_back(other);
    }
    return config;
}

Wrapper load_wrapper(const Case& wanted) {
    Wrapper wrapper(datapath_wrapper_bpf::open());
    wrapper->rodata->flows = wanted.flows;
    wrapper->rodata->services = wanted.services;
    wrapper->rodata->ipv6 = wanted.ipv6;
    wrapper->rodata->udp = wanted.udp;
    // The address that the replayed next hop leaves from: as on a real link, a frame is plainly for this
    // host.
    constexpr std::uint8_t kOwnMac[] = {2, 0, 0, 0, 0, 2};
    std::copy(std::begin(kOwnMac), std::end(kOwnMac), wrapper->rodata->destination_mac);
    if (datapath_wrapper_bpf::load(wrapper.get()) != 0)
        give_up("load the wrapper");
    return wrapper;
}

std::unique_ptr<control::Replayer> balancer(const config::Config& config) {
    auto created = control::Replayer::create(config, control::Decisions::kNotRecorded);
    if (!created)
        give_up(created.error().message);
    return std::move(*created);
}

/// The program of GUIDEWAY_PROGRAM, `FILE:SECTION`: an object file whose maps need no filling, or are pinned
/// under the names that it gives.
int load_other_program() {
    const std::string name = std::getenv("GUIDEWAY_PROGRAM");
    const auto colon = name.rfind(':');
    if (colon == std::string::npos)
        give_up("GUIDEWAY_PROGRAM: expected FILE:SECTION");
    auto* object = bpf_object__open_file(name.substr(0, colon).c_str(), nullptr);
    if (object == nullptr || bpf_object__load(object) != 0)
        give_up(fmt::format("load {}: {}", name, errno_text()));
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object) {
        if (name.substr(colon + 1) == bpf_program__section_name(program))
            return bpf_program__fd(program);
    }
    give_up(fmt::format("{}: no such section", name));
}

/// A balancer with flows that it knows, and the wrapper around it.
class Bench {
  public:
    explicit Bench(const Case& wanted)
        : wanted_(wanted),
          config_(configuration(wanted)),
          balancer_(balancer(config_)),
          wrapper_(load_wrapper(wanted)),
          others_wrapper_(load_wrapper(wanted)) {
        const int program = program_under_test();
        const std::uint32_t key = 0;
        for (const auto* wrapper : {&wrapper_, &others_wrapper_})
            if (bpf_map_update_elem(bpf_map__fd((*wrapper)->maps.under_test), &key, &program, BPF_ANY) != 0)
                give_up("put the program under test into the wrapper");
        if (wanted.slots == Slots::kMoving)
            move_all_slots();
        if (wanted.slots == Slots::kMoving || wanted.slots == Slots::kAlways)
            know_flows();
        name_former_owners();
        static_cast<void>(run());
    }

    /// Seconds a packet.
    double run() {
        if (!wanted_.on_two_cpus)
            return run(*wrapper_);
        std::atomic<bool> runs = false, ends = false;
        const int here = sched_getcpu();
        std::jthread other([&] {
            move_to_another_cpu(here);
            while (!ends) {
                static_cast<void>(run(*others_wrapper_));
                runs = true;
            }
        });
        while (!runs)
            std::this_thread::yield();
        const double time = run(*wrapper_);
        ends = true;
        return time;
    }

    /// As the verifier has rewritten it.
    [[nodiscard]] std::uint32_t instructions() const {
        bpf_prog_info info{};
        std::uint32_t length = sizeof(info);
        if (bpf_obj_get_info_by_fd(balancer_->program_fd(), &info, &length) != 0)
            give_up("ask for the program's length");
        return info.xlated_prog_len / sizeof(bpf_insn);
    }

  private:
    [[nodiscard]] double run(const datapath_wrapper_bpf& wrapper) const {
        constexpr std::uint32_t kPass = 2, kTx = 3;
        std::vector<std::uint8_t> frame(kFrame), out(512);
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = out.data(),
                    .data_size_in = kFrame, .data_size_out = 512, .repeat = kFramesAtATime);
        const double before = thread_seconds();
        if (bpf_prog_test_run_opts(bpf_program__fd(wrapper.progs.datapath_wrapper), &options) != 0)
            give_up("run the wrapper");
        const double time = thread_seconds() - before;
        const bool may_return_anything = wanted_.under == Case::Under::kOther;
        if (!may_return_anything && options.retval != (wanted_.vip ? kTx : kPass))
            give_up(fmt::format("the program returned {}", options.retval));
        return time / kFramesAtATime;
    }

    static void move_to_another_cpu(int cpu) {
        const int other = (cpu + 1) % static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(other, &set);
        if (other == cpu || sched_setaffinity(0, sizeof(set), &set) != 0)
            give_up("run on two CPUs");
    }

    [[nodiscard]] int program_under_test() const {
        switch (wanted_.under) {
            case Case::Under::kFloor:
                return bpf_program__fd(wrapper_->progs.datapath_floor);
            case Case::Under::kLimit:
                return bpf_program__fd(wrapper_->progs.datapath_limit);
            case Case::Under::kOther:
                return load_other_program();
            case Case::Under::kBalancer:
                break;
        }
        return balancer_->program_fd();
    }

    void move_all_slots() {
        const auto& maps = balancer_->maps();
        for (std::uint32_t service = 1; service <= wanted_.services; ++service) {
            for (std::uint32_t slot = 0; slot < maps.table(service).size(); ++slot) {
                maps.previous(service)[slot] = maps.table(service)[slot];
                maps.table(service)[slot] |= abi::SLOT_MOVING;
            }
        }
    }

    /// In all slots of services that track by second chance.
    void name_former_owners() {
        auto& chances = *balancer_->maps().chances();
        const control::TimePoint now{};
        control::SlotPast past;
        for (int hop = 0; hop < kHops; ++hop)
            past.former.push_back({chances.number_of(address(fmt::format("10.255.0.{}", hop + 1))), now, {}});
        for (const auto& service : balancer_->reconciler().histories()) {
            for (std::uint32_t slot = 0; slot < service.service->table_size; ++slot)
                service.life->merge(slot, past, now);
        }
    }

    void know_flows() {
        for (std::uint32_t flow = 0; flow < wanted_.flows; ++flow) {
            const std::uint32_t client = htonl(kClients + flow / kPorts);
            abi::flow_id id{};
            id.source = abi::to_abi(IpAddress::from_network(&client, true));
            id.destination = abi::to_abi(address(fmt::format("192.0.2.{}", 1 + flow % wanted_.services)));
            id.source_port = htons(static_cast<std::uint16_t>(kFirstPort + flow % kPorts));
            id.destination_port = htons(80);
            id.service = static_cast<std::uint16_t>(1 + flow % wanted_.services);
            id.protocol = IPPROTO_TCP;
            const abi::flow_record record{.last_seen = 0, .slot = 0, .backend = 1, .padding = 0};
            if (bpf_map_update_elem(balancer_->maps().fds().flows.get(), &id, &record, BPF_ANY) != 0)
                give_up("fill the flow records");
        }
    }

    Case wanted_;
    config::Config config_;
    std::unique_ptr<control::Replayer> balancer_;
    Wrapper wrapper_, others_wrapper_;
};

/// A veth pair of its own: frames are made at one end, sent back by a program at the other, and counted where
/// they come back.
class LiveBench {
  public:
    enum class At { kReflector, kBalancer };

    LiveBench(const Case& wanted, At program)
        : name_(program == At::kBalancer ? "balancer" : "reflector"),
          balancer_(balancer(configuration(wanted))) {
        const auto run = [](const std::string& command) {
            if (std::system(command.c_str()) != 0)
                give_up(command);
        };
        const auto near = name_ + "0", far = name_ + "1";
        run(fmt::format(
            "ip link add {} address 02:00:00:00:00:01 type veth peer name {} address 02:00:00:00:00:02", near,
            far));
        run(fmt::format("ip link set {} up && ip link set {} up", near, far));
        near_ = if_nametoindex(near.c_str());
        const unsigned far_index = if_nametoindex(far.c_str());

        wrapper_ = Wrapper(datapath_wrapper_bpf::open());
        wrapper_->rodata->flows = wanted.flows;
        constexpr std::uint8_t kFarMac[] = {2, 0, 0, 0, 0, 2};
        std::copy(std::begin(kFarMac), std::end(kFarMac), wrapper_->rodata->destination_mac);
        if (datapath_wrapper_bpf::load(wrapper_.get()) != 0)
            give_up("load the wrapper");
        balancer_->reconciler().refresh_next_hops([&](const auto& backend) {
            auto next_hop = control::replayed_next_hop({}, backend);
            next_hop.port.ifindex = static_cast<int>(far_index);
            next_hop.mac = *MacAddress::parse("02:00:00:00:00:01");
            return next_hop;
        });
        const int far_program = program == At::kBalancer
                                    ? balancer_->program_fd()
                                    : bpf_program__fd(wrapper_->progs.datapath_reflector);
        attach(near_, bpf_program__fd(wrapper_->progs.datapath_sink));
        attach(far_index, far_program);
        static_cast<void>(run_frames());
    }

    /// Seconds a frame that came back.
    double run_frames() {
        std::vector<std::uint8_t> frame(kFrame);
        xdp_md context{};
        context.data_end = kFrame;
        context.ingress_ifindex = near_;
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = kFrame,
                    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = kLiveFramesAtATime,
                    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
        const auto already = sunk();
        const auto before = std::chrono::steady_clock::now();
        if (bpf_prog_test_run_opts(bpf_program__fd(wrapper_->progs.datapath_generator), &options) != 0)
            give_up(fmt::format("send live frames: {}", errno_text()));
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - before;
        const auto came_back = sunk() - already;
        if (came_back < kLiveFramesAtATime / 2)
            give_up(fmt::format("{}: {} of {} frames came back", name_, came_back, kLiveFramesAtATime));
        return time.count() / static_cast<double>(came_back);
    }

  private:
    void attach(unsigned index, int program) const {
        if (bpf_xdp_attach(static_cast<int>(index), program, XDP_FLAGS_DRV_MODE, nullptr) != 0)
            give_up(fmt::format("{}: attach: {}", name_, errno_text()));
    }

    [[nodiscard]] std::uint64_t sunk() const {
        std::vector<std::uint64_t> counts(static_cast<std::size_t>(libbpf_num_possible_cpus()));
        const std::uint32_t key = 0;
        if (bpf_map_lookup_elem(bpf_map__fd(wrapper_->maps.sunk), &key, counts.data()) != 0)
            give_up("read the sink's count");
        return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    }

    std::string name_;
    std::unique_ptr<control::Replayer> balancer_;
    Wrapper wrapper_;
    unsigned near_ = 0;
};

/// Made when it is first run.
template <typename Thing, typename... Args>
auto made_late(Args... args) {
    return [thing = std::make_shared<std::unique_ptr<Thing>>(), args...]() -> Thing& {
        if (!*thing)
            *thing = std::make_unique<Thing>(args...);
        return **thing;
    };
}

void register_case(const std::string& what, Case wanted) {
    const auto name = fmt::format("datapath/{}/{}", what, wanted.flows);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [bench = made_late<Bench>(wanted)](benchmark::State& state) {
                                     for ([[maybe_unused]] auto _ : state)
                                         state.SetIterationTime(bench().run());
                                     state.counters["instructions"] = bench().instructions();
                                 })
        ->UseManualTime()
        ->Iterations(3);
}

void register_live(const std::string& what, LiveBench::At program) {
    const Case wanted{.flows = 1048576};
    const auto name = fmt::format("datapath/live/{}", what);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [bench = made_late<LiveBench>(wanted, program)](benchmark::State& state) {
                                     for ([[maybe_unused]] auto _ : state)
                                         state.SetIterationTime(bench().run_frames());
                                 })
        ->UseManualTime()
        ->Iterations(1);
}
}  // namespace

int main(int argc, char** argv) {
    for (const std::uint32_t flows : {1U, 65536U, 1048576U}) {
        register_case("floor", {.flows = flows, .under = Case::Under::kFloor});
        register_case("floor6", {.flows = flows, .ipv6 = true, .under = Case::Under::kFloor});
        register_case("limit", {.flows = flows, .under = Case::Under::kLimit});
        register_case("limit6", {.flows = flows, .ipv6 = true, .under = Case::Under::kLimit});
        if (std::getenv("GUIDEWAY_PROGRAM") != nullptr)
            register_case("other", {.flows = flows, .under = Case::Under::kOther});
        register_case("tcp4", {.flows = flows});
        register_case("tcp6", {.flows = flows, .ipv6 = true});
        register_case("udp4", {.flows = flows, .udp = true});
        register_case("moving", {.flows = flows, .slots = Slots::kMoving});
        register_case("always", {.flows = flows, .slots = Slots::kAlways});
        register_case("naming", {.flows = flows, .slots = Slots::kNaming});
        register_case("pass", {.flows = flows, .vip = false});
    }
    for (const std::uint32_t services : {32U, 128U, 1000U})
        register_case(fmt::format("services{}", services), {.flows = 65536, .services = services});
    for (const std::uint32_t services : {1U, 32U, 128U, 1000U})
        register_case(fmt::format("small_services{}", services),
                      {.flows = 65536, .services = services, .table_size = 4093});
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        register_case("two_cpus", {.flows = 65536, .on_two_cpus = true});
    register_case("beside_naming", {.flows = 65536, .beside_naming = true});
    register_case("all_features", {.flows = 65536, .all_features = true});
    register_live("reflector", LiveBench::At::kReflector);
    register_live("balancer", LiveBench::At::kBalancer);
    if (::unshare(CLONE_NEWNET) != 0)
        give_up(fmt::format("make a network namespace: {}", errno_text()));
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
