// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <memory>

#include "balancer.hpp"
#include "datapath/counters.hpp"
#include "datapath/test_run.hpp"
#include "no_headroom.skel.h"

using namespace guideway;
using namespace guideway::test;

namespace {
struct Destroy {
    void operator()(no_headroom_bpf* skeleton) const { no_headroom_bpf::destroy(skeleton); }
};
constexpr std::uint32_t kXdpDrop = 1;
}  // namespace

TEST_CASE("a packet whose driver left no room for the outer header is dropped and counted") {
    for (const char* backend : {"10.0.1.11", "2001:db8:2::11"}) {
        const auto replayer = balancer(configure(
            fmt::format("  - {{name: web, listen: ['192.0.2.10:80/tcp'], backends: ['{}']}}\n", backend)));
        const std::unique_ptr<no_headroom_bpf, Destroy> wrapper(no_headroom_bpf::open_and_load());
        REQUIRE(wrapper);
        const std::uint32_t key = 0;
        const int program = replayer->program_fd();
        REQUIRE(bpf_map_update_elem(bpf_map__fd(wrapper->maps.under_test), &key, &program, BPF_ANY) == 0);

        const auto frame = FrameBuilder::ipv4().tcp(80).payload(10).build();
        REQUIRE(frame.size() == 64);
        const auto done = datapath::test_run(bpf_program__fd(wrapper->progs.no_headroom), frame);
        REQUIRE(done);
        CHECK(done->action == kXdpDrop);
        CHECK((*datapath::verdict_counts(replayer->maps()))[abi::VERDICT_NO_HEADROOM].packets == 1);
    }
}
