// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <vector>

#include "api/metric_family.hpp"
#include "datapath/verdict_names.hpp"

namespace guideway::api {

namespace {
double seconds(Clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void add_verdicts(Families& families, const Snapshot& snapshot) {
    auto packets = counter("guideway_packets_total", "Packets by verdict: what became of them, and why.");
    auto bytes = counter("guideway_bytes_total", "Bytes of IP packets by verdict.");
    for (const auto& verdict : datapath::verdict_names()) {
        const Labels labels{{"verdict", std::string(verdict.name)},
                            {"action", std::string(datapath::verdict_action(verdict.verdict))}};
        packets.add(labels, static_cast<double>(snapshot.verdicts[verdict.verdict].packets));
        bytes.add(labels, static_cast<double>(snapshot.verdicts[verdict.verdict].bytes));
    }
    families.insert(families.end(), {packets, bytes});
}

void add_services(Families& families, const Snapshot& snapshot) {
    auto packets = counter("guideway_service_packets_total", "Packets forwarded for the service.");
    auto bytes =
        counter("guideway_service_bytes_total", "Bytes of clients' IP packets forwarded for the service.");
    auto flows = counter("guideway_service_new_flows_total", "TCP connections begun (SYN without ACK).");
    auto lookups = counter("guideway_service_flow_lookups_total",
                           "Packets for which a flow record was looked up: those in moving slots.");
    auto refused = counter("guideway_service_refused_flow_records_total",
                           "Flows that could not be recorded; their slots go on learning.");
    auto slots = gauge("guideway_service_slots", "Slots of the service's table by what they are doing.");
    auto proven = gauge("guideway_service_datapath_proven",
                        "1 if the program forwards a known packet of the service: tried every second.");
    auto digest = gauge("guideway_service_table_info",
                        "The service's tables, as digests; balancers agree if they are equal.");
    for (const auto& service : snapshot.services) {
        const Labels labels{{"service", service.name}};
        const auto& traffic = service.counters.traffic;
        packets.add(labels, static_cast<double>(traffic.packets));
        bytes.add(labels, static_cast<double>(traffic.bytes));
        flows.add(labels, static_cast<double>(traffic.new_flows));
        lookups.add(labels, static_cast<double>(service.counters.flow_lookups));
        refused.add(labels, static_cast<double>(service.counters.refused_records));
        slots.add({{"service", service.name}, {"state", "learning"}}, service.learning_slots);
        slots.add({{"service", service.name}, {"state", "tracking"}}, service.tracking_slots);
        slots.add({{"service", service.name}, {"state", "settled"}},
                  snapshot.table_size - service.learning_slots - service.tracking_slots);
        proven.add(labels, service.fault.empty() ? 1 : 0);
        digest.add(
            {{"service", service.name}, {"digest", service.digest}, {"base_digest", service.base_digest}}, 1);
    }
    families.insert(families.end(), {packets, bytes, flows, lookups, refused, slots, proven, digest});
}

void add_backends(Families& families, const Snapshot& snapshot) {
    auto packets = counter("guideway_backend_packets_total", "Packets forwarded to the backend.");
    auto bytes =
        counter("guideway_backend_bytes_total", "Bytes of clients' IP packets forwarded to the backend.");
    auto flows = counter("guideway_backend_new_flows_total", "TCP connections begun (SYN without ACK).");
    auto slots = gauge("guideway_backend_slots", "Slots of the service's table that the backend owns.");
    auto weight = gauge("guideway_backend_weight", "The backend's configured weight.");
    auto availability = gauge("guideway_backend_availability",
                              "How much of its share the backend gets: 0 = down or drained, 1 = all.");
    auto alive = gauge("guideway_backend_alive",
                       "1 while flows that the backend has stay with it, be it down or drained.");
    auto records = gauge("guideway_backend_flow_records", "Flow records that lead to the backend.");
    auto reachable = gauge("guideway_backend_next_hop_known", "1 if the way to the backend is known.");
    for (const auto& service : snapshot.services) {
        for (const auto& backend : service.leaving)
            records.add({{"service", service.name}, {"backend", backend.address.text()}},
                        static_cast<double>(backend.flows));
        for (const auto& backend : service.backends) {
            const Labels labels{{"service", service.name}, {"backend", backend.address.text()}};
            packets.add(labels, static_cast<double>(backend.traffic.packets));
            bytes.add(labels, static_cast<double>(backend.traffic.bytes));
            flows.add(labels, static_cast<double>(backend.traffic.new_flows));
            slots.add(labels, backend.slots);
            weight.add(labels, backend.weight);
            availability.add(labels, backend.availability / static_cast<double>(abi::AVAILABILITY_FULL));
            alive.add(labels, backend.alive ? 1 : 0);
            records.add(labels, static_cast<double>(backend.flows));
            reachable.add(labels, backend.next_hop ? 1 : 0);
        }
    }
    families.insert(families.end(),
                    {packets, bytes, flows, slots, weight, availability, alive, records, reachable});
}

void add_service_health(Families& families, const Snapshot& snapshot) {
    auto up = gauge("guideway_service_backends_up", "Backends of the service that are judged to be up.");
    auto panic = gauge("guideway_service_panic",
                       "1 while too little is up, so that all serves that is not taken out by hand.");
    auto warm = gauge("guideway_service_warmed_up",
                      "1 once every backend of the service was judged, or could not be in time.");
    auto untried = gauge("guideway_service_backends_untried",
                         "Backends of the service that this host cannot probe now, for reasons of its own.");
    for (const auto& service : snapshot.services) {
        if (!service.health)
            continue;
        const Labels labels{{"service", service.name}};
        up.add(labels, static_cast<double>(service.health->up));
        panic.add(labels, service.health->panic ? 1 : 0);
        warm.add(labels, service.health->warmed_up ? 1 : 0);
        untried.add(labels, static_cast<double>(service.health->untried));
    }
    families.insert(families.end(), {up, panic, warm, untried});
}

void add_backend_health(Families& families, const Snapshot& snapshot) {
    auto up = gauge("guideway_backend_up", "1 if the backend is judged to be up, 0 if down or not known.");
    auto diagnosis = gauge("guideway_backend_diagnosis", "What is broken on the way of its failed probes.");
    auto latency = gauge("guideway_backend_probe_latency_seconds", "Of its good probes, a moving average.");
    auto probes = counter("guideway_backend_probes_total", "Probes of the backend for the service.");
    auto failures = counter("guideway_backend_probe_failures_total", "Its probes that failed.");
    for (const auto& service : snapshot.services) {
        for (const auto& backend : service.backends) {
            if (!backend.health)
                continue;
            const Labels labels{{"service", service.name}, {"backend", backend.address.text()}};
            up.add(labels, backend.health->state == health::State::kUp ? 1 : 0);
            latency.add(labels, std::chrono::duration<double>(backend.health->latency).count());
            probes.add(labels, static_cast<double>(backend.health->probes));
            failures.add(labels, static_cast<double>(backend.health->failures));
            if (backend.health->diagnosis != health::Diagnosis::kNone)
                diagnosis.add({{"service", service.name},
                               {"backend", backend.address.text()},
                               {"diagnosis", std::string(name_of(backend.health->diagnosis))}},
                              1);
        }
    }
    families.insert(families.end(), {up, diagnosis, latency, probes, failures});
}

void add_probes(Families& families, const health::ProberCounts& counts) {
    auto results = counter("guideway_probes_total", "Probes by result; one that services share counts once.");
    results.add({{"result", "good"}},
                static_cast<double>(counts.probes - counts.failures - counts.not_tried));
    results.add({{"result", "bad"}}, static_cast<double>(counts.failures));
    results.add({{"result", "not_tried"}}, static_cast<double>(counts.not_tried));
    auto late = counter("guideway_late_probes_total",
                        "Probes that began later than due by more than a tenth of their interval.");
    late.add({}, static_cast<double>(counts.late));
    families.insert(families.end(), {results, late});
}

void add_agent(Families& families, const AgentSnapshot& agent) {
    auto build = gauge("guideway_build_info", "Version of the agent and of its maps' layout.");
    build.add({{"version", agent.version}, {"abi", std::to_string(abi::GUIDEWAY_ABI_VERSION)}}, 1);
    auto config = gauge("guideway_config_info", "Fingerprint of what all balancers must have in common.");
    config.add({{"fingerprint", agent.fingerprint}}, 1);
    auto started = gauge("guideway_start_time_seconds", "When the agent started, in seconds since 1970.");
    started.add({}, seconds(agent.started));
    auto reloads = counter("guideway_config_reloads_total", "Reloads of the configuration by result.");
    reloads.add({{"result", "applied"}}, static_cast<double>(agent.reloads));
    reloads.add({{"result", "refused"}}, static_cast<double>(agent.refused_reloads));
    auto last = gauge("guideway_config_last_reload_successful", "1 if the last reload was applied.");
    last.add({}, agent.last_reload.ok ? 1 : 0);
    auto proven =
        gauge("guideway_datapath_proven", "1 if link and maps are in place: the agent looks every second.");
    proven.add({}, agent.fault.empty() ? 1 : 0);
    families.insert(families.end(), {build, config, started, reloads, last, proven});
    if (agent.bgp)
        add_bgp(families, *agent.bgp);
}
}  // namespace

std::string metrics_text(const Snapshot& snapshot) {
    Families families;
    auto attached = gauge("guideway_interface_attached", "1 if the program is attached to the interface.");
    for (const auto& interface : snapshot.interfaces)
        attached.add({{"interface", interface.name}}, interface.attached ? 1 : 0);
    families.push_back(attached);
    add_verdicts(families, snapshot);
    add_services(families, snapshot);
    add_backends(families, snapshot);
    add_service_health(families, snapshot);
    add_backend_health(families, snapshot);
    if (snapshot.probes)
        add_probes(families, *snapshot.probes);
    if (snapshot.agent)
        add_agent(families, *snapshot.agent);

    std::vector<prometheus::MetricFamily> collected;
    for (const auto& family : families) {
        if (!family.family().metric.empty())
            collected.push_back(family.family());
    }
    return prometheus::TextSerializer().Serialize(collected);
}

}  // namespace guideway::api
