// SPDX-License-Identifier: Apache-2.0
//
// What probing costs: 2,000 backends by tcp, and 1,000 by http, each once a second through the tunnel (root).
// They are one host in a network namespace of its own, at the other end of a veth pair. Its receiving is
// partly done on behalf of whoever sends, and counted for the prober.
#include <benchmark/benchmark.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <cstdlib>
#include <string>

#include "datapath/decap.hpp"
#include "health/monitor.hpp"
#include "net/next_hops.hpp"
#include "util/log.hpp"

using namespace guideway;
namespace asio = boost::asio;

namespace {

constexpr const char* kVip = "192.0.2.10";
constexpr std::chrono::seconds kWarmUp{3};
constexpr std::chrono::seconds kMeasured{10};

void require(bool done, const std::string& what) {
    if (done)
        return;
    fmt::print(stderr, "probe_bench: {} failed\n", what);
    std::exit(1);
}

void shell(const std::string& command) {
    require(std::system(command.c_str()) == 0, command);
}

asio::awaitable<void> serve(asio::ip::tcp::socket socket) {
    std::string request;
    const auto [error, size] = co_await asio::async_read_until(
        socket, asio::dynamic_buffer(request), "\r\n\r\n", asio::as_tuple(asio::use_awaitable));
    if (error)
        co_return;
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    co_await asio::async_write(socket, asio::buffer(kAnswer), asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> accept_all(asio::ip::tcp::acceptor& acceptor) {
    while (true) {
        auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
        if (!error)
            asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    }
}

/// The other end, once it has its link: unwraps, and answers on port 80 of the VIP.
[[noreturn]] void be_the_host(int linked, int ready) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char byte = 0;
    require(::unshare(CLONE_NEWNET) == 0 && ::write(ready, &byte, 1) == 1, "unshare");
    require(::read(linked, &byte, 1) == 1, "wait for the link");
    shell(
        fmt::format("ip link set lo up && ip link set eth0 up && ip address add 10.0.0.2/24 dev eth0 && "
                    "ip address add {}/32 dev lo",
                    kVip));
    const auto decap = datapath::DecapProgram::load(
        {{{*IpAddress::parse("10.0.0.1"), 32}}, {{*IpAddress::parse(kVip), 32}}}, nullptr);
    require(decap.has_value(), "load the decap program");
    require(bpf_xdp_attach(static_cast<int>(if_nametoindex("eth0")), decap->fd(), 0, nullptr) == 0,
            "attach it");
    asio::io_context loop{1};
    asio::ip::tcp::acceptor acceptor(loop, {asio::ip::make_address("0.0.0.0"), 80});
    acceptor.listen(4096);
    asio::co_spawn(loop, accept_all(acceptor), asio::detached);
    require(::write(ready, &byte, 1) == 1, "tell that it serves");
    loop.run();
    std::exit(1);
}

/// Puts this process into a network namespace, with the host beside it.
void set_up_network() {
    int linked[2];
    int ready[2];
    require(::unshare(CLONE_NEWNET) == 0, "unshare");
    require(::pipe(linked) == 0 && ::pipe(ready) == 0, "pipe");
    const pid_t host = ::fork();
    require(host >= 0, "fork");
    if (host == 0)
        be_the_host(linked[0], ready[1]);
    char byte = 0;
    require(::read(ready[0], &byte, 1) == 1, "wait for the host");
    shell(
        fmt::format("ip link set lo up && ip link add eth0 type veth peer name eth0 netns {} && "
                    "ip link set eth0 up && ip address add 10.0.0.1/24 dev eth0 && "
                    "ip route add default via 10.0.0.2",
                    host));
    require(::write(linked[1], &byte, 1) == 1, "tell of the link");
    require(::read(ready[0], &byte, 1) == 1, "wait for the host to serve");
}

health::ServiceTargets targets(config::Check check, int backends) {
    health::ServiceTargets targets;
    targets.service = "web";
    targets.vip = *IpAddress::parse(kVip);
    targets.health.check = check;
    for (int i = 0; i < backends; ++i)
        targets.backends.push_back({*IpAddress::parse(fmt::format("10.1.{}.{}", i / 250, 1 + i % 250)),
                                    80,
                                    100,
                                    {health::State::kUp, {}}});
    return targets;
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void probe(benchmark::State& state, config::Check check) {
    const auto followed = targets(check, static_cast<int>(state.range(0)));
    std::vector<IpAddress> backends;
    for (const auto& backend : followed.backends)
        backends.push_back(backend.address);
    for (auto _ : state) {
        asio::io_context loop{1};
        health::Monitor monitor(loop, {}, 4096, [](const auto&, auto) {});
        std::unique_ptr<net::NextHops> next_hops;
        const auto refresh = [&] {
            for (const auto& backend : backends)
                monitor.set_next_hop(backend, next_hops->at(backend), next_hops->at(backend));
        };
        next_hops = std::move(*net::NextHops::create(loop, refresh));
        next_hops->follow(backends);
        require(monitor.follow({followed}).has_value(), "follow");
        refresh();
        loop.run_for(kWarmUp);

        const auto before = monitor.counts();
        const double cpu = cpu_seconds();
        const auto start = std::chrono::steady_clock::now();
        loop.run_for(kMeasured);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        const auto& after = monitor.counts();
        state.counters["core_percent"] = 100 * (cpu_seconds() - cpu) / elapsed.count();
        state.counters["probes_per_second"] =
            static_cast<double>(after.probes - before.probes) / elapsed.count();
        state.counters["late"] = static_cast<double>(after.late - before.late);
        state.counters["latest_ms"] = static_cast<double>(after.latest.count()) / 1000;
        state.counters["failures"] = static_cast<double>(after.failures - before.failures);
        state.SetIterationTime(elapsed.count());
    }
}

void probe_tcp(benchmark::State& state) {
    probe(state, config::Check::kTcp);
}

void probe_http(benchmark::State& state) {
    probe(state, config::Check::kHttp);
}

BENCHMARK(probe_tcp)->Arg(2000)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(probe_http)->Arg(1000)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    set_up_log();
    set_up_network();
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    benchmark::RunSpecifiedBenchmarks();
}
