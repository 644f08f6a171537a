// SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include "model/slot_story.hpp"
#include "one_slot.hpp"

using namespace guideway;
using namespace guideway::test;
using namespace std::chrono_literals;

namespace {
constexpr std::uint8_t kFin = 0x01, kSyn = FrameBuilder::kSyn, kRst = 0x04, kAck = FrameBuilder::kAck;
}  // namespace

TEST_CASE("a settled slot does not touch the flow records") {
    OneSlot slot;
    CHECK(slot.tcp(0, kSyn) == 1);
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.records().empty());
    CHECK(slot.counters().flow_lookups == 0);
}

TEST_CASE("while a slot learns, old flows stay with the previous owner and new ones begin at the owner") {
    OneSlot slot;
    slot.move(2);
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.tcp(1, kSyn) == 2);
    CHECK(slot.tcp(1, kAck) == 2);
    CHECK(slot.tcp(0, kAck | kFin) == 1);
    CHECK(slot.recorded() == std::map<int, int>{{0, 1}, {1, 2}});
    CHECK(slot.counters().flow_lookups == 4);
}

TEST_CASE("once it has learnt, records alone tell, and when none is needed the slot is settled") {
    OneSlot slot;
    slot.move(2);
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.tcp(1, kSyn) == 2);
    slot.pass_time(19s);
    CHECK(slot.tcp(0, kAck) == 1);
    slot.stamp_records();
    slot.pass_time(1s);
    slot.sweep();
    CHECK(slot.previous() == 0);
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.tcp(2, kAck) == 2);
    CHECK(slot.recorded() == std::map<int, int>{{0, 1}});
    slot.stamp_records();
    slot.pass_time(2s);
    slot.sweep();
    CHECK(slot.moving());
    slot.pass_time(21s);
    slot.sweep();
    CHECK_FALSE(slot.moving());
    CHECK(slot.records().empty());
}

TEST_CASE("a SYN that is sent again goes where the first one went") {
    OneSlot slot;
    slot.move(2);
    CHECK(slot.tcp(0, kSyn) == 2);
    CHECK(slot.tcp(0, kSyn) == 2);
    CHECK(slot.tcp(0, kAck) == 2);
}

TEST_CASE("a SYN with ACK, as in a simultaneous open, does not start a flow") {
    OneSlot slot;
    slot.move(2);
    CHECK(slot.tcp(0, kSyn | kAck) == 1);
    CHECK(slot.tcp(0, kAck) == 1);
}

TEST_CASE("a reset goes to the backend that has the flow") {
    OneSlot slot;
    slot.move(2);
    CHECK(slot.tcp(0, kRst) == 1);
    CHECK(slot.tcp(1, kSyn) == 2);
    CHECK(slot.tcp(1, kRst | kAck) == 2);
}

TEST_CASE("a tuple that is used again while its slot moves begins anew at the owner") {
    OneSlot slot;
    slot.move(2);
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.tcp(0, kSyn) == 2);
    CHECK(slot.tcp(0, kAck) == 2);
    SECTION("while tracking, too, without leaving a record that could come back") {
        CHECK(slot.tcp(1, kAck) == 1);
        slot.pass_time(19s);
        slot.stamp_records();
        slot.pass_time(1s);
        slot.sweep();
        CHECK(slot.tcp(1, kAck) == 1);
        CHECK(slot.tcp(1, kSyn) == 2);
        CHECK(slot.recorded().empty());
        CHECK(slot.tcp(1, kAck) == 2);
    }
}

TEST_CASE("flows of a dead previous owner go to the owner at once; silent ones find it when it comes back") {
    OneSlot slot;
    slot.move(2);
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.tcp(1, kAck) == 1);
    slot.die(1);
    CHECK(slot.tcp(0, kAck) == 2);
    CHECK(slot.tcp(3, kAck) == 2);
    CHECK(slot.tcp(5, kSyn) == 2);
    slot.sweep();
    slot.come_back(1);
    slot.move(1);
    CHECK(slot.tcp(1, kAck) == 1);  // with a record
    CHECK(slot.tcp(2, kAck) == 1);  // without one
    CHECK(slot.tcp(5, kAck) == 2);
}

TEST_CASE(
    "where records were refused since a previous owner died, its stand-in is the one that flows are of") {
    OneSlot slot("", ", max_flows: 1");
    slot.move(2);
    slot.die(1);
    CHECK(slot.tcp(0, kSyn) == 2);
    CHECK(slot.tcp(1, kSyn) == 2);
    CHECK(slot.counters().refused_records > 0);
    slot.sweep();
    slot.come_back(1);
    slot.move(1);
    CHECK(slot.tcp(1, kAck) == 2);
}

TEST_CASE("a slot of a dead owner is given away without learning") {
    OneSlot slot;
    slot.die(1);
    slot.move(2);
    CHECK_FALSE(slot.moving());
    CHECK(slot.tcp(0, kAck) == 2);
}

TEST_CASE("a second move while learning changes the owner alone") {
    OneSlot slot;
    slot.move(2);
    CHECK(slot.tcp(1, kSyn) == 2);
    slot.pass_time(10s);
    slot.move(3);
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.tcp(1, kAck) == 2);
    CHECK(slot.tcp(2, kSyn) == 3);
    slot.move(1);
    CHECK(slot.tcp(1, kAck) == 2);
    CHECK(slot.tcp(2, kAck) == 3);
    CHECK(slot.tcp(4, kSyn) == 1);
    slot.stamp_records();
    slot.pass_time(10s);
    slot.sweep();
    CHECK(slot.previous() == 0);
    CHECK(slot.tcp(1, kAck) == 2);
}

TEST_CASE("with a full table a new flow begins at the previous owner, where its packets will go") {
    OneSlot slot("", ", max_flows: 1");
    slot.move(2);
    CHECK(slot.tcp(0, kSyn) == 2);
    CHECK(slot.tcp(1, kSyn) == 1);
    CHECK(slot.tcp(1, kAck) == 1);
    CHECK(slot.tcp(0, kAck) == 2);
    CHECK(slot.tcp(0, kSyn) == 2);
    CHECK(slot.counters().refused_records == 2);
    SECTION("and learning is extended") {
        slot.pass_time(19s);
        slot.stamp_records();
        slot.sweep();
        slot.pass_time(1s);
        slot.sweep();
        CHECK(slot.previous() == 1);
    }
    SECTION("if that one is dead, at the owner") {
        slot.die(1);
        CHECK(slot.tcp(1, kSyn) == 2);
    }
}

TEST_CASE("a flood of new flows is recorded up to a budget, and the rest is counted as refused") {
    const auto replayer = balancer(configure(
        "  - {name: web, listen: ['192.0.2.10:80/tcp'], tracking: always, backends: [10.0.0.1]}\n"));
    constexpr std::uint64_t kFlows = 20000;
    cpu_set_t before, one;  // each CPU has a budget of its own
    REQUIRE(::sched_getaffinity(0, sizeof(before), &before) == 0);
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    REQUIRE(::sched_setaffinity(0, sizeof(one), &one) == 0);
    const auto start = std::chrono::steady_clock::now();
    for (std::uint16_t port = 1; port <= kFlows; ++port)
        CHECK(run(*replayer, FrameBuilder::ipv4().tcp(80, kSyn, port).build()).backend);
    const auto elapsed = std::chrono::steady_clock::now() - start;
    REQUIRE(::sched_setaffinity(0, sizeof(before), &before) == 0);
    const auto windows = static_cast<std::uint64_t>(elapsed.count()) >> abi::FLOW_INSERT_WINDOW_SHIFT;
    const auto refused = datapath::service_counters(replayer->maps(), 1)->refused_records;
    CHECK(kFlows - refused <= (windows + 2) * abi::FLOW_INSERTS_PER_WINDOW);
    CHECK(kFlows - refused >= abi::FLOW_INSERTS_PER_WINDOW);
}

TEST_CASE("tracking: never hashes alone") {
    OneSlot slot(", tracking: never");
    slot.move(2);
    CHECK_FALSE(slot.moving());
    CHECK(slot.tcp(0, kAck) == 2);
    CHECK(slot.records().empty());
}

TEST_CASE("tracking: always records every flow, and settled slots follow the records") {
    OneSlot slot(", tracking: always");
    CHECK(slot.tcp(0, kSyn) == 1);
    CHECK(slot.tcp(1, kAck) == 1);
    CHECK(slot.recorded() == std::map<int, int>{{0, 1}, {1, 1}});
    slot.move(2);
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.tcp(2, kAck) == 1);
    slot.stamp_records();
    slot.pass_time(20s);
    slot.sweep();
    CHECK_FALSE(slot.moving());
    CHECK(slot.tcp(0, kAck) == 1);
    CHECK(slot.tcp(3, kAck) == 2);
    slot.die(1);
    CHECK(slot.tcp(0, kAck) == 2);
}

TEST_CASE("a QUIC Initial starts a flow unless its flow is known; other UDP is not tracked") {
    const Frame initial = {0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    const Frame initial_v2 = {0xd3, 0x6b, 0x33, 0x43, 0xcf, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    const Frame handshake = {0xe3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    const Frame short_header = {0x43, 1, 2, 3, 4, 5, 6, 7, 8};
    OneSlot slot;
    const auto ports = slot.udp_ports(443);
    const auto dns = slot.udp_ports(53);
    slot.move(2);
    CHECK(slot.udp(443, ports[0], short_header) == 1);
    CHECK(slot.udp(443, ports[0], initial) == 1);
    CHECK(slot.udp(443, ports[1], initial) == 2);
    CHECK(slot.udp(443, ports[1], initial) == 2);
    CHECK(slot.udp(443, ports[1], short_header) == 2);
    CHECK(slot.udp(443, ports[2], initial_v2) == 2);
    CHECK(slot.udp(443, ports[3], handshake) == 1);
    CHECK(slot.udp(53, dns[0], initial) == 2);
    CHECK(slot.records().size() == 4);
}

TEST_CASE("the program and the agent's rules together do what the model does") {
    const auto seeds = GENERATE(range(1U, 13U));
    const std::size_t capacity = seeds % 2 == 0 ? 2 : 1000;
    INFO("story " << seeds << " with room for " << capacity << " records");
    OneSlot slot("", fmt::format(", max_flows: {}", capacity));
    SlotModel model(capacity, {});
    int now = 0;
    std::string difference;
    const auto compare = [&](const char* after) {
        std::map<int, int> records;
        for (const auto& [flow, record] : model.records())
            records[flow] = record.backend;
        const auto expected = std::tuple(model.owner(), model.previous(), model.moving(), records);
        if (std::tuple(slot.owner(), slot.previous(), slot.moving(), slot.recorded()) != expected &&
            difference.empty())
            difference = fmt::format("at {} after {}", now, after);
    };
    const SlotListener listener{
        .sweep =
            [&](int time) {
                slot.pass_time(std::chrono::seconds(time - now));
                now = time;
                slot.sweep();
                compare("a sweep");
            },
        .move = [&](int backend) { slot.move(static_cast<std::uint16_t>(backend)); },
        .die = [&](int backend) { slot.die(static_cast<std::uint16_t>(backend)); },
        .come_back = [&](int backend) { slot.come_back(static_cast<std::uint16_t>(backend)); },
        .packet =
            [&](int flow, bool starts, int backend) {
                if (slot.tcp(flow, starts ? kSyn : kAck) != backend && difference.empty())
                    difference = fmt::format("at {} flow {} should go to {}", now, flow, backend);
                slot.stamp_records();
                compare("a packet");
            },
    };
    CHECK(tell_slot_story(seeds, model, listener).empty());
    CHECK(difference.empty());
    INFO(difference);
}
