// SPDX-License-Identifier: Apache-2.0
#include "backend/snapshot.hpp"

#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "backend/host_check.hpp"
#include "backend/local_vips.hpp"
#include "datapath/attachment.hpp"
#include "datapath/decap_verdicts.hpp"

namespace guideway::backend {

using Json = nlohmann::ordered_json;

namespace {
std::string to_text(api::Clock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::floor<std::chrono::seconds>(time)));
}

Json null_if_empty(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json(const std::optional<HelperSnapshot>& helper) {
    if (!helper)
        return nullptr;
    const auto& reload = helper->last_reload;
    return {
        {"version", helper->version},
        {"process", helper->process},
        {"started", to_text(helper->started)},
        {"config_file", null_if_empty(helper->config_file)},
        {"last_reload", {{"at", to_text(reload.at)}, {"ok", reload.ok}, {"errors", reload.errors}}},
        {"reloads", helper->reloads},
        {"refused_reloads", helper->refused_reloads},
    };
}

Json to_json(const VipSnapshot& vip) {
    return {{"vip", vip.vip.text()},
            {"kind", vip.vip.is_address() ? "address" : "prefix"},
            {"local", vip.local ? Json(*vip.local) : Json(nullptr)}};
}

Json verdicts_json(const datapath::DecapCounts& counts) {
    Json verdicts = Json::object();
    for (const auto& each : datapath::decap_verdicts())
        verdicts[std::string(each.name)] = {{"packets", counts[each.verdict]}};
    return verdicts;
}
}  // namespace

std::string Snapshot::fault() const {
    if (std::ranges::none_of(interfaces, &api::InterfaceSnapshot::attached)) {
        std::vector<std::string> names;
        std::ranges::transform(interfaces, std::back_inserter(names), &api::InterfaceSnapshot::name);
        return fmt::format("the program that unwraps is attached to none of {}", fmt::join(names, ", "));
    }
    const auto is_missing = [](const VipSnapshot& vip) { return vip.local == false; };
    if (!vips.empty() && std::ranges::all_of(vips, is_missing))
        return "this host takes packets for none of the VIPs";
    return {};
}

Json to_json(const Snapshot& snapshot) {
    Json interfaces = Json::array(), vips = Json::array(), balancers = Json::array();
    for (const auto& interface : snapshot.interfaces)
        interfaces.push_back({{"name", interface.name}, {"attached", interface.attached}});
    for (const auto& vip : snapshot.vips)
        vips.push_back(to_json(vip));
    for (const auto& balancer : snapshot.balancers)
        balancers.push_back(balancer.text());
    return {
        {"at", to_text(snapshot.at)},
        {"helper", to_json(snapshot.helper)},
        {"fault", null_if_empty(snapshot.fault())},
        {"degraded", snapshot.degraded},
        {"interfaces", std::move(interfaces)},
        {"vips", std::move(vips)},
        {"balancers", std::move(balancers)},
        {"verdicts", verdicts_json(snapshot.counts)},
    };
}

Result<Snapshot> read_left_behind(const std::string& directory) {
    const auto pins = datapath::Pins::open(directory);
    if (!pins)
        return std::unexpected(pins.error());
    const auto decap = datapath::read_pinned_decap(*pins);
    if (!decap)
        return std::unexpected(decap.error());
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    const auto missing = missing_vips(*netlink, decap->rules.vips);
    Snapshot snapshot;
    snapshot.at = api::Clock::now();
    std::vector<std::string> devices;
    for (const auto& name : pins->linked_interfaces()) {
        snapshot.interfaces.push_back({name, datapath::is_attached(*pins, name), {}, {}});
        devices.push_back(name);
    }
    for (const auto& vip : decap->rules.vips)
        snapshot.vips.push_back({vip, std::ranges::find(missing, vip) == missing.end()});
    snapshot.balancers = decap->rules.balancers;
    snapshot.counts = decap->counts;
    snapshot.degraded = troubles_of_host(*netlink, devices, decap->rules.vips);
    return snapshot;
}

}  // namespace guideway::backend
