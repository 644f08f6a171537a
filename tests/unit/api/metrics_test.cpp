// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "api/metric_family.hpp"
#include "util/process_usage.hpp"
#include "util/unique_fd.hpp"

using namespace guideway;
using namespace guideway::api;

namespace {
std::string all_of(BodySource& source) {
    std::string text;
    for (auto piece = source.next(); !piece.empty(); piece = source.next())
        text += piece;
    return text;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
    return found;
}
}  // namespace

TEST_CASE("a family is described once, before its first sample") {
    auto family = gauge("some_metric", "What it is.");
    CHECK(family.take_text().empty());
    family.add({}, 1);
    family.add({{"name", "a \"quoted\"\nback\\slash"}, {"other", "b"}}, 0.25);
    CHECK(family.take_text() ==
          "# HELP some_metric What it is.\n"
          "# TYPE some_metric gauge\n"
          "some_metric 1\n"
          "some_metric{name=\"a \\\"quoted\\\"\\nback\\\\slash\",other=\"b\"} 0.25\n");
    family.add({}, 18446744073709551615.0);
    CHECK(family.take_text() == "some_metric 1.844674407370955e+19\n");
}

TEST_CASE("backends have series of their own if they are asked for; services always") {
    auto snapshot = std::make_shared<Snapshot>();
    for (int i = 0; i < 1000; ++i) {
        auto& service = snapshot->services.emplace_back();
        service.name = "service-" + std::to_string(i);
        for (int j = 0; j < 10; ++j)
            service.backends.emplace_back().address = *IpAddress::parse("10.0.0." + std::to_string(j));
    }
    const auto with = all_of(*metrics_of(snapshot, Detail::kBackends));
    CHECK(count(with, "\nguideway_backend_packets_total{") == 10'000);
    CHECK(count(with, "# TYPE guideway_backend_packets_total counter\n") == 1);
    CHECK(count(with, "\nguideway_service_packets_total{") == 1000);
    // The snapshot may be one that was made for a status a moment ago, and holds them all the same.
    const auto without = all_of(*metrics_of(snapshot, Detail::kServices));
    CHECK(count(without, "guideway_backend_") == 0);
    CHECK(count(without, "\nguideway_service_packets_total{") == 1000);
    CHECK(without.ends_with('\n'));
}

TEST_CASE("a backend's name is beside its address; without one, the address again") {
    auto snapshot = std::make_shared<Snapshot>();
    auto& service = snapshot->services.emplace_back();
    service.name = "web";
    service.backends.resize(2);
    service.backends[0].address = *IpAddress::parse("10.0.0.1");
    service.backends[0].name = "web-1";
    service.backends[1].address = *IpAddress::parse("2001:db8::1");
    const auto text = all_of(*metrics_of(snapshot, Detail::kBackends));
    CHECK(count(text, "guideway_backend_info{service=\"web\",backend=\"10.0.0.1\",name=\"web-1\"} 1\n") == 1);
    CHECK(count(text,
                "guideway_backend_info{service=\"web\",backend=\"2001:db8::1\",name=\"2001:db8::1\"} 1\n") ==
          1);
}

TEST_CASE("digests are numbers as well: their first 48 bits, to the last one") {
    auto snapshot = std::make_shared<Snapshot>();
    auto& service = snapshot->services.emplace_back();
    service.name = "web";
    service.digest = "ffffffffffff00000000000000000000";
    service.base_digest = "000000000001ffffffffffffffffffff";
    snapshot->agent.emplace().fingerprint = "fffffffffffe0123456789abcdef0123";
    const auto text = all_of(*metrics_of(snapshot, Detail::kServices));
    CHECK(count(text, "\nguideway_service_table_digest{service=\"web\"} 281474976710655\n") == 1);
    CHECK(count(text, "\nguideway_service_base_table_digest{service=\"web\"} 1\n") == 1);
    CHECK(count(text, "\nguideway_config_fingerprint 281474976710654\n") == 1);
}

TEST_CASE("interfaces have their link's state, and the mode where the program is attached") {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->interfaces = {
        {.name = "eth0",
         .attached = true,
         .device = "wan0",
         .link = LinkSnapshot{.up = true, .native = true, .mtu = 9000}},
        {.name = "eth1",
         .attached = true,
         .device = {},
         .link = LinkSnapshot{.up = false, .native = false, .mtu = 1500}},
        {.name = "eth2", .attached = false, .device = {}, .link = {}},
    };
    const auto text = all_of(*metrics_of(snapshot, Detail::kServices));
    CHECK(count(text, "\nguideway_interface_link_up{interface=\"eth0\"} 1\n") == 1);
    CHECK(count(text, "\nguideway_interface_link_up{interface=\"eth1\"} 0\n") == 1);
    CHECK(count(text, "\nguideway_interface_link_up{interface=\"eth2\"} 0\n") == 1);
    CHECK(count(text, "\nguideway_interface_native{interface=\"eth0\"} 1\n") == 1);
    CHECK(count(text, "\nguideway_interface_native{interface=\"eth1\"} 0\n") == 1);
    CHECK(count(text, "\nguideway_interface_native{interface=\"eth2\"}") == 0);
    CHECK(count(text, "\nguideway_interface_mtu_bytes{interface=\"eth0\"} 9000\n") == 1);
    CHECK(count(text, "\nguideway_interface_mtu_bytes{interface=\"eth2\"}") == 0);
}

TEST_CASE("maps have their fill, the flow table among them") {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->maps = {{.name = "services", .entries = 3, .capacity = 128}};
    snapshot->flow_table = {.records = 7, .capacity = 262144};
    const auto text = all_of(*metrics_of(snapshot, Detail::kServices));
    CHECK(count(text, "\nguideway_map_entries{map=\"services\"} 3\n") == 1);
    CHECK(count(text, "\nguideway_map_entries_max{map=\"services\"} 128\n") == 1);
    CHECK(count(text, "\nguideway_map_entries{map=\"flows\"} 7\n") == 1);
    CHECK(count(text, "\nguideway_map_entries_max{map=\"flows\"} 262144\n") == 1);
}

TEST_CASE("a process reads what it uses itself") {
    const auto before = process_usage();
    const auto now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    CHECK(before.started > now - 3600);
    CHECK(before.started <= now);
    CHECK(before.resident_bytes > 1'000'000);
    CHECK(before.virtual_bytes > before.resident_bytes);
    CHECK(before.open_files >= 3);
    CHECK(before.max_files >= before.open_files);
    const UniqueFd one(::dup(0)), another(::dup(0));
    const auto after = process_usage();
    CHECK(after.open_files == before.open_files + 2);
    CHECK(after.cpu_seconds >= before.cpu_seconds);
    CHECK(after.cpu_seconds > 0);
}

TEST_CASE("the process's usage has the names that Prometheus's libraries give it") {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->agent.emplace().usage = ProcessUsage{.cpu_seconds = 1.5,
                                                   .started = 1700000000.25,
                                                   .resident_bytes = 4096,
                                                   .virtual_bytes = 8192,
                                                   .open_files = 12,
                                                   .max_files = 1024};
    const auto text = all_of(*metrics_of(snapshot, Detail::kServices));
    CHECK(count(text, "\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n") == 1);
    CHECK(count(text, "\nprocess_start_time_seconds 1700000000.25\n") == 1);
    CHECK(count(text, "\nprocess_resident_memory_bytes 4096\n") == 1);
    CHECK(count(text, "\nprocess_virtual_memory_bytes 8192\n") == 1);
    CHECK(count(text, "\nprocess_open_fds 12\n") == 1);
    CHECK(count(text, "\nprocess_max_fds 1024\n") == 1);
}

TEST_CASE("docs/metrics.md reckons with these numbers of series") {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->agent.emplace().usage.emplace();
    snapshot->agent->bgp.emplace().speaker.peers.resize(2);
    snapshot->agent->bgp->vips[*IpAddress::parse("192.0.2.10")] = {};
    snapshot->probes.emplace();
    snapshot->maps.resize(3);
    snapshot->interfaces = {{.name = "eth0", .attached = true, .device = {}, .link = LinkSnapshot{}}};
    const auto series = [&](Detail detail) {
        const auto text = all_of(*metrics_of(snapshot, detail));
        return count(text, "\n") - count(text, "# ");
    };
    constexpr std::size_t kFixed = 99, kInterface = 4, kBgp = 2, kPeer = 4, kVip = 1;
    constexpr std::size_t kService = 17, kBackend = 14;
    const std::size_t bare = kFixed + kInterface + kBgp + 2 * kPeer + kVip;
    CHECK(series(Detail::kBackends) == bare);
    for (int i = 0; i < 3; ++i) {
        auto& service = snapshot->services.emplace_back();
        service.health.emplace();
        service.backends.resize(5);
        for (auto& backend : service.backends)
            backend.health.emplace();
    }
    CHECK(series(Detail::kServices) == bare + 3 * kService);
    CHECK(series(Detail::kBackends) == bare + 3 * kService + 15 * kBackend);
}
