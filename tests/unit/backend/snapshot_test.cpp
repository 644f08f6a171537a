// SPDX-License-Identifier: Apache-2.0
#include "backend/snapshot.hpp"

#include <catch2/catch.hpp>

namespace guideway::backend {

namespace {
config::Prefix prefix(const char* address, std::uint8_t length) {
    return {*IpAddress::parse(address), length};
}

Snapshot good() {
    Snapshot snapshot;
    snapshot.interfaces = {{"eth0", true, {}, {}}, {"eth1", false, {}, {}}};
    snapshot.vips = {{prefix("192.0.2.10", 32), true}, {prefix("2001:db8:2::", 64), std::nullopt}};
    snapshot.balancers = {prefix("10.0.0.11", 32)};
    snapshot.counts[abi::DECAP_UNWRAPPED] = 7;
    snapshot.counts[abi::DECAP_UNKNOWN_VIP] = 2;
    return snapshot;
}
}  // namespace

TEST_CASE("a backend can serve while one interface is attached and one VIP is local, or others' work") {
    CHECK(good().fault().empty());
    auto detached = good();
    detached.interfaces[0].attached = false;
    CHECK(detached.fault() == "the program that unwraps is attached to none of eth0, eth1");
    auto one_missing = good();
    one_missing.vips[0].local = false;
    CHECK(one_missing.fault().empty());
    auto all_missing = one_missing;
    all_missing.vips[1].local = false;
    CHECK(all_missing.fault() == "this host takes packets for none of the VIPs");
}

TEST_CASE("the JSON has what is known, and null for what is not") {
    const auto json = to_json(good());
    CHECK(json.at("helper").is_null());
    CHECK(json.at("fault").is_null());
    CHECK(json.at("balancers") == nlohmann::ordered_json({"10.0.0.11"}));
    CHECK(json.at("vips").at(0) ==
          nlohmann::ordered_json({{"vip", "192.0.2.10"}, {"kind", "address"}, {"local", true}}));
    CHECK(json.at("vips").at(1) ==
          nlohmann::ordered_json({{"vip", "2001:db8:2::/64"}, {"kind", "prefix"}, {"local", nullptr}}));
    CHECK(json.at("verdicts").at("unwrapped").at("packets") == 7);
    CHECK(json.at("verdicts").size() == 12);
}

TEST_CASE("metrics name every verdict, and the VIPs that this host answers for") {
    auto snapshot = good();
    snapshot.helper = HelperSnapshot{};
    snapshot.helper->last_reload.ok = false;
    snapshot.helper->usage = ProcessUsage{};
    snapshot.helper->usage->open_files = 12;
    snapshot.interfaces[0].link = api::LinkSnapshot{.up = true, .native = false, .mtu = 1600};
    const auto text = metrics_of(snapshot);
    const auto has = [&](const char* line) {
        return ("\n" + text).find(std::string("\n") + line + "\n") != std::string::npos;
    };
    CHECK(has("guideway_decap_packets_total{verdict=\"unwrapped\"} 7"));
    CHECK(has("guideway_decap_packets_total{verdict=\"unknown_vip\"} 2"));
    CHECK(has("guideway_decap_packets_total{verdict=\"congested\"} 0"));
    CHECK(has("guideway_decap_vip_local{vip=\"192.0.2.10\"} 1"));
    CHECK(text.find("2001:db8:2::") == std::string::npos);
    CHECK(has("guideway_interface_attached{interface=\"eth1\"} 0"));
    CHECK(has("guideway_interface_link_up{interface=\"eth0\"} 1"));
    CHECK(has("guideway_interface_native{interface=\"eth0\"} 0"));
    CHECK(has("guideway_interface_mtu_bytes{interface=\"eth0\"} 1600"));
    CHECK(has("guideway_interface_link_up{interface=\"eth1\"} 0"));
    CHECK(has("process_open_fds 12"));
    CHECK(has("guideway_decap_ready 1"));
    CHECK(has("guideway_config_last_reload_successful 0"));
}

}  // namespace guideway::backend
