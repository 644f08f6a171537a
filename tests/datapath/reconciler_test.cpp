// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "balancer.hpp"
#include "control/backend_entry.hpp"
#include "datapath/counters.hpp"
#include "datapath/listener_index.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
const std::string kOne = "  - {name: one, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.1, 10.0.0.2]}\n";
const std::string kTwo = "  - {name: two, listen: ['192.0.2.2:80/tcp'], backends: [10.0.0.1, 10.0.0.3]}\n";
const std::string kThree = "  - {name: three, listen: ['192.0.2.3:80/tcp'], backends: [10.0.0.4]}\n";

void reload(control::Replayer& replayer, const std::string& services) {
    const auto config = configure(services);
    const auto applied = replayer.reconciler().apply(
        control::desired_state(config),
        [&](const auto& backend) { return control::replayed_next_hop(config.datapath, backend); },
        control::SteadyClock::now());
    if (!applied)
        FAIL(applied.error().message);
}

Frame to(const char* vip, std::uint16_t source_port = 1234) {
    return FrameBuilder::ipv4("198.51.100.7", vip).tcp(80, FrameBuilder::kAck, source_port).build();
}

/// Where 200 flows of a VIP go.
std::vector<std::string> placement(const control::Replayer& replayer, const char* vip) {
    std::vector<std::string> backends;
    for (std::uint16_t port = 1; port <= 200; ++port)
        backends.push_back(run(replayer, to(vip, port)).backend->text());
    return backends;
}

std::vector<std::uint16_t> table(const control::Replayer& replayer, std::uint32_t service) {
    const auto slots = replayer.maps().table(service);
    return {slots.begin(), slots.end()};
}
}  // namespace

TEST_CASE("adding, changing and removing services does not touch the others") {
    const auto replayer = balancer(configure(kOne + kTwo));
    static_cast<void>(placement(*replayer, "192.0.2.2"));
    const auto before = table(*replayer, 2);
    const auto entry = replayer->maps().service(2);

    reload(*replayer, kThree + kTwo);
    CHECK(verdict_of(*replayer, to("192.0.2.1")) == "not_vip");
    CHECK(run(*replayer, to("192.0.2.3")).service == "three");
    CHECK(table(*replayer, 2) == before);
    CHECK(std::memcmp(&entry, &replayer->maps().service(2), sizeof(entry)) == 0);
    CHECK(datapath::service_counters(replayer->maps(), 2)->traffic.packets == 200);
}

TEST_CASE("a removed service's number is not given away before a sweep, and then counts from zero") {
    const auto replayer = balancer(configure(kOne));
    static_cast<void>(placement(*replayer, "192.0.2.1"));
    reload(*replayer, kTwo);
    CHECK(std::string(replayer->maps().service(1).name) == "one");
    CHECK(std::string(replayer->maps().service(2).name) == "two");

    sweep(*replayer, control::SteadyClock::now());
    CHECK(std::string(replayer->maps().service(1).name).empty());
    reload(*replayer, kTwo + kThree);
    CHECK(std::string(replayer->maps().service(1).name) == "three");
    CHECK(datapath::service_counters(replayer->maps(), 1)->traffic.packets == 0);
    CHECK(run(*replayer, to("192.0.2.3")).backend == IpAddress::parse("10.0.0.4"));
}

TEST_CASE("what somebody else writes into services, listeners and client filters is written anew") {
    const auto replayer = balancer(configure(
        "  - {name: one, listen: ['192.0.2.1:80/tcp'], allow: [198.51.100.0/24], backends: [10.0.0.1]}\n"));
    auto& reconciler = replayer->reconciler();
    const auto& maps = replayer->maps();
    const auto packet = to("192.0.2.1");
    CHECK(reconciler.mend().empty());
    CHECK(run(*replayer, packet).service == "one");

    maps.service(1) = {};
    CHECK(reconciler.mend() == std::vector<std::string_view>{"services"});
    CHECK(run(*replayer, packet).service == "one");
    for (const std::uint32_t index : {0, 1})
        std::memset(maps.listener_index(index).slots, 0, sizeof(maps.listener_index(index).slots));
    CHECK(verdict_of(*replayer, packet) == "not_vip");
    CHECK(reconciler.mend() == std::vector<std::string_view>{"listeners"});
    CHECK(run(*replayer, packet).service == "one");

    abi::client_prefix key{}, next{};
    const int clients = maps.fds().clients.get();
    bool any = bpf_map_get_next_key(clients, nullptr, &key) == 0;
    while (any) {
        any = bpf_map_get_next_key(clients, &key, &next) == 0;
        bpf_map_delete_elem(clients, &key);
        key = next;
    }
    CHECK(reconciler.mend() == std::vector<std::string_view>{"clients"});
    CHECK(reconciler.mend().empty());
    CHECK(run(*replayer, packet).service == "one");
}

TEST_CASE("a removed backend's number stays valid until none of its flows can be left") {
    using namespace std::chrono_literals;
    const auto now = control::SteadyClock::now();
    const auto replayer = balancer(configure(kOne));
    reload(*replayer, "  - {name: one, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.2, 10.0.0.9]}\n");
    const auto& maps = replayer->maps();
    const auto first = maps.service(1).first_backend;
    CHECK(abi::from_abi(maps.backend(first + 1).address).text() == "10.0.0.1");
    CHECK((maps.backend(first + 1).flags & abi::BACKEND_NEXT_HOP) != 0);
    CHECK((maps.backend(first + 1).flags & abi::BACKEND_RETIRED) != 0);
    CHECK(abi::from_abi(maps.backend(first + 3).address).text() == "10.0.0.9");

    sweep(*replayer, now + 9min);
    CHECK((maps.backend(first + 1).flags & abi::BACKEND_ALIVE) != 0);
    for (const auto later : {11min, 12min, 13min})
        sweep(*replayer, now + later);
    CHECK_FALSE(replayer->reconciler().is_moving());
    CHECK(maps.backend(first + 1).flags == 0);
    reload(*replayer, "  - {name: one, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.2, 10.0.0.8]}\n");
    CHECK(abi::from_abi(maps.backend(first + 1).address).text() == "10.0.0.8");
}

TEST_CASE("fragments do not follow a first one to who got its backend's number, or its service's") {
    using namespace std::chrono_literals;
    const auto udp = [](const char* name, const char* port, const char* backend) {
        return fmt::format("  - {{name: {}, listen: ['192.0.2.1:{}/udp'], backends: [{}]}}\n", name, port,
                           backend);
    };
    const auto now = control::SteadyClock::now();
    const auto replayer = balancer(configure(udp("dns", "53", "10.0.0.1")));
    const auto first =
        FrameBuilder::ipv4("198.51.100.7", "192.0.2.1").udp(53).id(7).fragment_field(0x2000).build();
    const auto later = FrameBuilder::ipv4("198.51.100.7", "192.0.2.1")
                           .protocol(17, Frame(40))
                           .id(7)
                           .fragment_field(0x0005)
                           .build();
    const auto sweep_all = [&] {
        for (const auto after : {11min, 12min, 13min})
            sweep(*replayer, now + after);
        CHECK_FALSE(replayer->reconciler().is_moving());
    };
    REQUIRE(verdict_of(*replayer, first) == "forwarded");
    REQUIRE(run(*replayer, later).backend == IpAddress::parse("10.0.0.1"));
    SECTION("another backend of the service") {
        reload(*replayer, udp("dns", "53", "10.0.0.9"));
        CHECK(run(*replayer, later).backend == IpAddress::parse("10.0.0.1"));  // it still has its number
        sweep_all();
        reload(*replayer, udp("dns", "53", "10.0.0.9, 10.0.0.8"));
        const auto& numbers = replayer->reconciler().numbering().services.at("dns");
        REQUIRE(numbers.find(*IpAddress::parse("10.0.0.8"))->number == 1);
        CHECK(verdict_of(*replayer, later) == "fragment");
    }
    SECTION("a backend of another service") {
        reload(*replayer, "  []\n");
        sweep_all();
        reload(*replayer, udp("ntp", "123", "10.0.0.9"));
        REQUIRE(std::string(replayer->maps().service(1).name) == "ntp");
        CHECK(verdict_of(*replayer, later) == "fragment");
    }
}

TEST_CASE(
    "a service that outgrows its region moves with its counters, and every flow stays placed by the table") {
    const auto replayer = balancer(configure(kOne + kTwo));
    const auto before = placement(*replayer, "192.0.2.1");
    const auto old_first = replayer->maps().service(1).first_backend;
    std::string many = "  - {name: one, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.1, 10.0.0.2";
    for (int i = 1; i <= 40; ++i)
        many += fmt::format(", {{address: 10.0.1.{}, weight: 0}}", i);
    many += "]}\n";

    reload(*replayer, many + kTwo);
    CHECK(replayer->maps().service(1).first_backend != old_first);
    CHECK(placement(*replayer, "192.0.2.1") == before);
    const auto first = replayer->maps().service(1).first_backend;
    CHECK(datapath::backend_traffic(replayer->maps(), first + 1)->packets +
              datapath::backend_traffic(replayer->maps(), first + 2)->packets ==
          400);
}

TEST_CASE("what takes long to find out is postponed, and then moves the same slots") {
    const auto config = configure(kOne + kTwo);
    const auto next_hop = [&](const auto& backend) {
        return control::replayed_next_hop(config.datapath, backend);
    };
    const control::BackendId failed{"one", *IpAddress::parse("10.0.0.2")};
    const std::map<control::BackendId, control::Condition> conditions{
        {failed, control::condition_in_state(config::BackendState::kDown)}};
    const auto now = control::SteadyClock::now();
    const auto at_once = balancer(config);
    CHECK(at_once->reconciler().adjust(conditions, next_hop, now) == std::vector<std::uint16_t>{1});
    CHECK_FALSE(at_once->reconciler().has_postponed());

    const auto later = balancer(config);
    const auto before = table(*later, 1);
    auto& reconciler = later->reconciler();
    CHECK(reconciler.adjust(conditions, next_hop, now, std::chrono::nanoseconds(0)).empty());
    CHECK(reconciler.has_postponed());
    CHECK(table(*later, 1) == before);
    CHECK((later->maps().backend(later->maps().service(1).first_backend + 2).flags & abi::BACKEND_ALIVE) ==
          0);
    reconciler.begin_postponed();
    reconciler.compute_postponed();
    CHECK(table(*later, 1) == before);
    CHECK(reconciler.store_postponed(now) == std::vector<std::uint16_t>{1});
    CHECK_FALSE(reconciler.has_postponed());
    CHECK(table(*later, 1) == table(*at_once, 1));
    CHECK(table(*later, 1) != before);
}

// More than there is room to keep: most tables are built anew.
TEST_CASE("what is postponed of many services is made good a few at a time") {
    constexpr int kServices = 50;
    std::string services;
    std::map<control::BackendId, control::Condition> conditions;
    for (int i = 0; i < kServices; ++i) {
        const auto name = fmt::format("s{}", i);
        services += fmt::format(
            "  - {{name: {}, listen: ['192.0.2.{}:80/tcp'], backends: [10.0.0.1, 10.0.0.2, 10.0.0.3]}}\n",
            name, i + 1);
        conditions[{name, *IpAddress::parse("10.0.0.2")}] =
            control::condition_in_state(config::BackendState::kDown);
    }
    const auto config = configure(services, ", table_size: 655373, max_services: 64");
    const auto next_hop = [&](const auto& backend) {
        return control::replayed_next_hop(config.datapath, backend);
    };
    const auto now = control::SteadyClock::now();
    const auto at_once = balancer(config);
    CHECK(at_once->reconciler().adjust(conditions, next_hop, now).size() == kServices);
    const auto later = balancer(config);
    auto& reconciler = later->reconciler();
    std::size_t moved = reconciler.adjust(conditions, next_hop, now, std::chrono::milliseconds(5)).size();
    CHECK(moved < kServices / 2);
    while (reconciler.has_postponed()) {
        reconciler.begin_postponed();
        reconciler.compute_postponed();
        const auto stored = reconciler.store_postponed(now).size();
        CHECK(stored > 0);
        CHECK(stored < kServices / 2);
        moved += stored;
    }
    CHECK(moved == kServices);
    bool same = true;
    for (std::uint32_t service = 1; service <= kServices; ++service)
        same = same && table(*later, service) == table(*at_once, service);
    CHECK(same);
}

TEST_CASE("a new reconciler on the same maps keeps every number") {
    const auto replayer = balancer(configure(kOne + kTwo));
    const auto before = control::read_numbering(replayer->maps());
    const auto config = configure(kTwo + kOne);
    control::Reconciler successor(replayer->maps());
    REQUIRE(successor.apply(
        control::desired_state(config),
        [&](const auto& backend) { return control::replayed_next_hop(config.datapath, backend); }, {}));
    CHECK(control::read_numbering(replayer->maps()) == before);
    CHECK(run(*replayer, to("192.0.2.1")).service == "one");
}

TEST_CASE("what does not fit is refused before anything is stored") {
    const auto config = configure(kOne, ", max_services: 1, max_backends: 3");
    const auto replayer = balancer(config);
    const auto before = table(*replayer, 1);
    const auto next_hop = [&](const auto& backend) {
        return control::replayed_next_hop(config.datapath, backend);
    };

    const auto services =
        replayer->reconciler().apply(control::desired_state(configure(kThree + kOne)), next_hop, {});
    REQUIRE(!services);
    CHECK(
        services.error().message ==
        "number service 'three': no space left (max_services is 1; those that are being removed count for a "
        "moment: 2 would do)");
    const auto backends = replayer->reconciler().apply(
        control::desired_state(configure("  - {name: one, listen: ['192.0.2.1:80/tcp'],"
                                         " backends: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4]}\n")),
        next_hop, {});
    REQUIRE(!backends);
    CHECK(backends.error().message ==
          "place 4 backends of service 'one' in map 'backends': no space left (max_backends is 3; those "
          "that are being removed count until their flows have ended)");
    CHECK(table(*replayer, 1) == before);
    CHECK(run(*replayer, to("192.0.2.1")).service == "one");
}

TEST_CASE("a configuration that just fits the limits is taken") {
    std::string services;
    for (int i = 1; i <= 2; ++i) {
        services +=
            fmt::format("  - {{name: s{}, listen: ['192.0.2.{}:80/tcp'], backends: [10.{}.0.1", i, i, i);
        for (int j = 2; j <= 10; ++j)
            services += fmt::format(", 10.{}.0.{}", i, j);
        services += "]}\n";
    }
    const auto replayer = balancer(configure(services, ", max_services: 2, max_backends: 20"));
    CHECK(run(*replayer, to("192.0.2.1")).service == "s1");
    CHECK(run(*replayer, to("192.0.2.2")).service == "s2");
}

TEST_CASE("more numbers than a slot can hold are refused") {
    control::DesiredState before, after;
    for (auto* state : {&before, &after}) {
        auto& service = state->services.emplace_back();
        service.name = "large";
        const int high = state == &before ? 1 : 2;
        for (int i = 0; i < 20000; ++i)
            service.backends.push_back(
                {{*IpAddress::parse(fmt::format("10.{}.{}.{}", high, i / 250, i % 250 + 1)), 1}, {}, {}, {}});
    }
    const datapath::Geometry geometry{65537, 128, 200000, 1};
    const auto first = control::renumber({}, before, geometry);
    REQUIRE(first);
    const auto second = control::renumber(*first, after, geometry);
    REQUIRE(!second);
    CHECK(second.error().message ==
          "number the backends of service 'large': 40000 with those that are being removed, and "
          "32767 is the most; replace them in two steps");
}

namespace {
std::string sized(const char* name, int vip, int size) {
    return fmt::format(
        "  - {{name: {}, listen: ['192.0.2.{}:80/tcp'], backends: [10.0.0.1, 10.0.0.2], table_size: {}}}\n",
        name, vip, size);
}

/// What the program decides is what the table of the service says, slot by slot.
void check_placement(const control::Replayer& replayer, const config::Config& config) {
    for (std::size_t i = 0; i < config.services.size(); ++i) {
        const auto& service = config.services[i];
        const auto size = config::table_size_of(service, config.datapath);
        const auto desired = control::desired_state(config).services[i];
        const auto table = control::serving_table_of(desired.backends, size);
        std::uint32_t highest = 0;
        for (std::uint16_t port = 1; port <= 2000; ++port) {
            const auto vip = service.listeners[0].vip.text();
            const auto outcome = run(replayer, to(vip.c_str(), port));
            REQUIRE(outcome.slot);
            REQUIRE(*outcome.slot < size);
            highest = std::max(highest, *outcome.slot);
            REQUIRE(outcome.backend == table.base().members()[table.owners()[*outcome.slot]].address);
        }
        CHECK(highest > size - size / 50);
    }
}
}  // namespace

TEST_CASE("each service has a table of its own size, in pages of its own") {
    const std::string room = ", max_services: 3";
    const auto config = configure(sized("a", 1, 251) + sized("b", 2, 65537) + sized("c", 3, 4093), room);
    const auto replayer = balancer(config);
    check_placement(*replayer, config);
    CHECK(replayer->maps().service(1).first_page == 0);
    CHECK(replayer->maps().service(2).first_page == 1);
    CHECK(replayer->maps().service(3).first_page == 258);
    CHECK(control::read_numbering(replayer->maps()) == replayer->reconciler().numbering());
}

TEST_CASE("the size of a table stays while its service does, and its pages are given out again") {
    const std::string room = ", max_services: 3, table_size: 1021";
    const auto replayer = balancer(configure(sized("a", 1, 1021) + sized("b", 2, 1021), room));
    const auto apply = [&](const std::string& services) {
        const auto config = configure(services, room);
        return replayer->reconciler().apply(
            control::desired_state(config),
            [&](const auto& backend) { return control::replayed_next_hop(config.datapath, backend); },
            control::SteadyClock::now());
    };
    const auto larger = apply(sized("a", 1, 2039) + sized("b", 2, 1021));
    REQUIRE(!larger);
    CHECK(larger.error().message ==
          "make the table of service 'a' 2039 slots large: it has 1021 for as long as the service has flows; "
          "give the service another name for another size");
    CHECK(replayer->maps().service(1).table_size == 1021);

    REQUIRE(apply(sized("b", 2, 1021)));
    const auto no_room = apply(sized("b", 2, 1021) + sized("c", 3, 2039));
    REQUIRE(!no_room);
    CHECK(
        no_room.error().message.starts_with("place the table of service 'c', 2039 slots, in map 'tables': no "
                                            "space left in one piece"));
    for (int pass = 0; pass < 3; ++pass)
        sweep(*replayer, control::SteadyClock::now() + std::chrono::hours(pass));
    REQUIRE(apply(sized("b", 2, 1021) + sized("c", 3, 1021)));
    CHECK(replayer->maps().service(1).first_page == 0);
    check_placement(*replayer, configure(sized("b", 2, 1021) + sized("c", 3, 1021), room));
}

TEST_CASE("a service whose entry somebody has zeroed gets nothing until it is mended") {
    const auto replayer = balancer(configure(kOne));
    auto& service = replayer->maps().service(1);
    const auto whole = service;
    const auto before = placement(*replayer, "192.0.2.1");
    service = {};
    CHECK(verdict_of(*replayer, to("192.0.2.1")) == "no_backend");
    service = whole;
    CHECK(placement(*replayer, "192.0.2.1") == before);
}

TEST_CASE("an entry that leads beyond the tables has no slots for whoever reads it") {
    const auto replayer = balancer(configure(kOne));
    auto& service = replayer->maps().service(1);
    service.first_page = 0x7fffffff;
    CHECK(replayer->maps().table(1).empty());
    CHECK(verdict_of(*replayer, to("192.0.2.1")) == "no_backend");
    service.first_page = 0;
    service.table_size = 0xffffffff;
    CHECK(replayer->maps().previous(1).empty());
}

TEST_CASE("what a dead agent left in a region does not show in the service that gets it") {
    const auto replayer = balancer(configure(kOne));
    auto& leftover = replayer->maps().backend(12 + 3);
    leftover.address = abi::to_abi(*IpAddress::parse("10.0.0.77"));
    leftover.flags = abi::BACKEND_CONFIGURED;
    reload(*replayer, kOne + kTwo);
    const auto numbering = control::read_numbering(replayer->maps());
    CHECK(numbering.services.at("two").backends.size() == 2);
}

TEST_CASE("an entry whose outer source changes is of another version") {
    abi::backend element{};
    element.flags = abi::BACKEND_CONFIGURED | abi::BACKEND_NEXT_HOP;
    element.source.bytes[15] = 1;
    abi::backend wanted = element;
    std::set<std::uint16_t> versions{element.flags};
    for (std::uint8_t source = 2; source < 17; ++source) {
        wanted.source.bytes[15] = source;
        control::store_backend(element, wanted);
        CHECK(element.source.bytes[15] == source);
        CHECK((element.flags & ~abi::BACKEND_VERSION) == wanted.flags);
        versions.insert(element.flags);
    }
    CHECK(versions.size() == 16);
    const auto last = element.flags;
    wanted.availability = 7;
    control::store_backend(element, wanted);
    CHECK(element.availability == 7);
    CHECK(element.flags == last);
}

TEST_CASE("a packet is never wrapped with half of a way that changes") {
    const auto config =
        configure("  - {name: one, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.1, '2001:db8:2::1']}\n");
    const auto replayer = balancer(config);
    // Each way has its source, tag, MAC addresses and interface; the interfaces are all the one of a test
    // run.
    const auto ways = [](std::uint8_t which) {
        return [which](const control::DesiredBackend& backend) {
            const bool v4 = backend.member.address.is_v4();
            net::NextHop way{.ifindex = 1,
                             .port = {.ifindex = 1, .vlan = {std::uint16_t{which}, 0}},
                             .mac = {{2, 0, 0, 0, 1, which}},
                             .source_mac = {{2, 0, 0, 0, 2, which}},
                             .source = *IpAddress::parse(
                                 fmt::format(fmt::runtime(v4 ? "10.9.{0}.{0}" : "2001:db8:{0}::{0}"), which)),
                             .mtu = 1500};
            return way;
        };
    };
    replayer->reconciler().refresh_next_hops(ways(1));
    std::atomic<bool> done = false;
    std::jthread changes([&] {
        for (std::uint8_t which = 1; !done; which = static_cast<std::uint8_t>(which % 9 + 1))
            replayer->reconciler().refresh_next_hops(ways(which));
    });
    const auto began = std::chrono::steady_clock::now();
    int sent = 0;
    for (std::uint16_t port = 1024; std::chrono::steady_clock::now() - began < std::chrono::seconds(2);
         ++port) {
        const auto outcome = run(*replayer, to("192.0.2.1", port));
        if (datapath::verdict_name(outcome.verdict) != "forwarded")
            continue;
        const auto& frame = outcome.frame;
        ++sent;
        const bool v4 = frame[18] == 0x45;
        const int which = frame[5];
        const bool whole = frame[11] == which && frame[15] == which &&
                           (v4 ? frame[32] == which && frame[33] == which
                               : frame[18 + 8 + 5] == which && frame[18 + 8 + 15] == which);
        unsigned sum = 0;
        for (std::size_t at = 18; v4 && at < 38; at += 2)
            sum += frame[at] << 8U | frame[at + 1];
        if (!whole || (v4 && sum % 0xffff != 0)) {
            done = true;
            FAIL("a mixture: " << hex(frame));
        }
    }
    done = true;
    CHECK(sent > 1000);
}

TEST_CASE("a fresh balancer learns of the flows that draining backends still have") {
    const std::string draining =
        "  - {name: one, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.1, {address: 10.0.0.2, state: "
        "drain}]}\n";
    const auto config = configure(draining);
    const auto replayer = balancer(configure("  []\n"));
    const auto next_hop = [&](const auto& backend) {
        return control::replayed_next_hop(config.datapath, backend);
    };
    const auto was_there = [&](control::EarlierFlows past) {
        control::Reconciler reconciler(replayer->maps(), past);
        REQUIRE(reconciler.apply(control::desired_state(config), next_hop, control::SteadyClock::now()));
        int learning = 0;
        for (const std::uint16_t former : replayer->maps().previous(1))
            learning += former == 2;
        return learning;
    };
    SECTION("of the slots that its base table gives them") {
        CHECK(was_there(control::EarlierFlows::kUnknown) == 32768);
        CHECK(run(*replayer, to("192.0.2.1", 1235)).backend == IpAddress::parse("10.0.0.2"));
    }
    SECTION("but not where an earlier agent has left what there is to know") {
        CHECK(was_there(control::EarlierFlows::kRecorded) == 0);
    }
}

TEST_CASE("a backend that is removed keeps its way, and its flows, while they live") {
    const auto now = control::SteadyClock::now();
    const auto replayer = balancer(configure(kOne));
    const auto before = placement(*replayer, "192.0.2.1");
    reload(*replayer, "  - {name: one, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.2]}\n");
    CHECK(placement(*replayer, "192.0.2.1") == before);
    REQUIRE(replayer->reconciler().leaving().size() == 1);
    net::NextHop moved{.ifindex = 1,
                       .port = {.ifindex = 1, .vlan = {}},
                       .mac = {{2, 0, 0, 0, 9, 9}},
                       .source_mac = {},
                       .source = {},
                       .mtu = 1500};
    moved.source = *IpAddress::parse("10.9.9.9");
    replayer->reconciler().refresh_next_hops([&](const auto&) { return moved; });
    CHECK(replayer->maps().backend(1).next_hop_mac[5] == 9);

    SECTION("and comes back as if it had never left") {
        reload(*replayer, kOne);
        CHECK(replayer->reconciler().leaving().empty());
        CHECK(placement(*replayer, "192.0.2.1") == before);
    }
    SECTION("until no flow of it can be left") {
        using namespace std::chrono_literals;
        for (const auto later : {11min, 12min, 13min})
            sweep(*replayer, now + later);
        CHECK(replayer->reconciler().leaving().empty());
        CHECK(run(*replayer, to("192.0.2.1", 7)).backend == IpAddress::parse("10.0.0.2"));
    }
}
