// SPDX-License-Identifier: Apache-2.0
#include "api/link_state.hpp"
#include "api/metric_family.hpp"
#include "api/process_metrics.hpp"
#include "backend/snapshot.hpp"
#include "datapath/decap_verdicts.hpp"

namespace guideway::backend {

using api::counter;
using api::Families;
using api::gauge;

namespace {
double seconds(api::Clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void add_helper(Families& families, const HelperSnapshot& helper) {
    auto build = gauge("guideway_build_info", "Version of the process that keeps this host a backend.");
    build.add({{"version", helper.version}, {"role", "backend"}}, 1);
    auto started = gauge("guideway_start_time_seconds", "When it started, in seconds since 1970.");
    started.add({}, seconds(helper.started));
    auto reloads = counter("guideway_config_reloads_total", "Reloads of the configuration by result.");
    reloads.add({{"result", "applied"}}, static_cast<double>(helper.reloads));
    reloads.add({{"result", "refused"}}, static_cast<double>(helper.refused_reloads));
    auto last = gauge("guideway_config_last_reload_successful", "1 if the last reload was applied.");
    last.add({}, helper.last_reload.ok ? 1 : 0);
    families.insert(families.end(), {build, started, reloads, last});
    if (helper.usage)
        api::add_process(families, *helper.usage);
}
}  // namespace

std::string metrics_of(const Snapshot& snapshot) {
    Families families;
    auto attached = gauge("guideway_interface_attached", "1 if the program is attached to the interface.");
    for (const auto& interface : snapshot.interfaces)
        attached.add({{"interface", interface.name}}, interface.attached ? 1 : 0);
    auto packets = counter("guideway_decap_packets_total", "Packets by what became of them.");
    for (const auto& each : datapath::decap_verdicts())
        packets.add({{"verdict", std::string(each.name)}},
                    static_cast<double>(snapshot.counts[each.verdict]));
    auto local = gauge("guideway_decap_vip_local", "1 if this host takes packets for the VIP.");
    for (const auto& vip : snapshot.vips) {
        if (vip.local)
            local.add({{"vip", vip.vip.text()}}, *vip.local ? 1 : 0);
    }
    auto ready = gauge("guideway_decap_ready", "1 if packets can reach what serves on this host.");
    ready.add({}, snapshot.fault().empty() ? 1 : 0);
    auto troubles = gauge("guideway_decap_troubles", "What is wrong with this host: see `guideway status`.");
    troubles.add({}, static_cast<double>(snapshot.degraded.size()));
    families.insert(families.end(), {attached, packets, local, ready, troubles});
    api::add_links(families, snapshot.interfaces);
    if (snapshot.helper)
        add_helper(families, *snapshot.helper);
    std::string text;
    for (auto& family : families)
        text += family.take_text();
    return text;
}

}  // namespace guideway::backend
