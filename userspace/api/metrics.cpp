// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "api/link_state.hpp"
#include "api/metric_family.hpp"
#include "api/process_metrics.hpp"
#include "datapath/verdict_names.hpp"

namespace guideway::api {

namespace {
double seconds(Clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// The first 48 bits of a digest in hex: a sample's double holds them exactly. 0 if there is none.
double as_number(const std::string& digest) {
    constexpr std::size_t kDigits = 12;
    std::uint64_t number = 0;
    std::from_chars(digest.data(), digest.data() + std::min(digest.size(), kDigits), number, 16);
    return static_cast<double>(number);
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

using AddSamples = void (*)(const ServiceSnapshot&, Family&);

/// A metric of each service, or of its backends.
struct ServiceFamily {
    Family family;
    AddSamples add;
};

Labels labels_of(const ServiceSnapshot& service) {
    return {{"service", service.name}};
}

Labels labels_of(const ServiceSnapshot& service, const BackendSnapshot& backend) {
    return {{"service", service.name}, {"backend", backend.address.text()}};
}

template <auto Value>
void of_service(const ServiceSnapshot& service, Family& family) {
    family.add(labels_of(service), static_cast<double>(Value(service)));
}

template <auto Value>
void of_backends(const ServiceSnapshot& service, Family& family) {
    for (const auto& backend : service.backends)
        family.add(labels_of(service, backend), static_cast<double>(Value(backend)));
}

/// Of those that are probed.
template <auto Value>
void of_health(const ServiceSnapshot& service, Family& family) {
    if (service.health)
        family.add(labels_of(service), static_cast<double>(Value(*service.health)));
}

template <auto Value>
void of_backend_health(const ServiceSnapshot& service, Family& family) {
    for (const auto& backend : service.backends) {
        if (backend.health)
            family.add(labels_of(service, backend), static_cast<double>(Value(*backend.health)));
    }
}

void add_slots(const ServiceSnapshot& service, Family& family) {
    family.add({{"service", service.name}, {"state", "learning"}}, service.learning_slots);
    family.add({{"service", service.name}, {"state", "tracking"}}, service.tracking_slots);
    family.add({{"service", service.name}, {"state", "naming"}}, service.naming_slots);
    family.add({{"service", service.name}, {"state", "settled"}}, service.settled_slots());
}

void add_digests(const ServiceSnapshot& service, Family& family) {
    family.add({{"service", service.name}, {"digest", service.digest}, {"base_digest", service.base_digest}},
               1);
}

void add_names(const ServiceSnapshot& service, Family& family) {
    for (const auto& backend : service.backends) {
        auto labels = labels_of(service, backend);
        labels.emplace_back("name", backend.name.empty() ? backend.address.text() : backend.name);
        family.add(labels, 1);
    }
}

void add_flow_records(const ServiceSnapshot& service, Family& family) {
    for (const auto* backends : {&service.leaving, &service.backends}) {
        for (const auto& backend : *backends)
            family.add(labels_of(service, backend), static_cast<double>(backend.flows));
    }
}

void add_diagnoses(const ServiceSnapshot& service, Family& family) {
    for (const auto& backend : service.backends) {
        if (!backend.health || backend.health->diagnosis == health::Diagnosis::kNone)
            continue;
        auto labels = labels_of(service, backend);
        labels.emplace_back("diagnosis", name_of(backend.health->diagnosis));
        family.add(labels, 1);
    }
}

using Service = const ServiceSnapshot&;
using Backend = const BackendSnapshot&;
using ServiceHealth = const health::ServiceFacts&;
using BackendHealth = const health::BackendFacts&;

std::vector<ServiceFamily> service_families() {
    return {
        {counter("guideway_service_packets_total", "Packets forwarded for the service."),
         of_service<[](Service service) { return service.counters.traffic.packets; }>},
        {counter("guideway_service_bytes_total", "Bytes of clients' IP packets forwarded for the service."),
         of_service<[](Service service) { return service.counters.traffic.bytes; }>},
        {counter("guideway_service_new_flows_total", "TCP connections begun (SYN without ACK)."),
         of_service<[](Service service) { return service.counters.traffic.new_flows; }>},
        {counter("guideway_service_flow_lookups_total",
                 "Packets for which a flow record was looked up: those in moving slots."),
         of_service<[](Service service) { return service.counters.flow_lookups; }>},
        {counter("guideway_service_refused_flow_records_total",
                 "Flows that could not be recorded; their slots go on learning."),
         of_service<[](Service service) { return service.counters.refused_records; }>},
        {gauge("guideway_service_slots", "Slots of the service's table by what they are doing."), add_slots},
        {gauge("guideway_service_datapath_proven",
               "1 if the program forwards a known packet of the service: tried every second."),
         of_service<[](Service service) { return service.fault.empty(); }>},
        {gauge("guideway_service_table_info",
               "The service's tables, as digests; balancers agree if they are equal."),
         add_digests},
        {gauge("guideway_service_backends_up", "Backends of the service that are judged to be up."),
         of_health<[](ServiceHealth health) { return health.up; }>},
        {gauge("guideway_service_panic",
               "1 while too little is up, so that all serves that is not taken out by hand."),
         of_health<[](ServiceHealth health) { return health.panic; }>},
        {gauge("guideway_service_backends_untried",
               "Backends of the service that this host cannot probe now, for reasons of its own."),
         of_health<[](ServiceHealth health) { return health.untried; }>},
        {gauge("guideway_service_warmed_up",
               "1 once every backend of the service was judged, or could not be in time."),
         of_health<[](ServiceHealth health) { return health.warmed_up; }>},
        {gauge("guideway_service_table_digest",
               "The serving table's digest as a number: its first 48 bits. Balancers agree if it is equal."),
         of_service<[](Service service) { return as_number(service.digest); }>},
        {gauge("guideway_service_base_table_digest",
               "The same of the base table, which the configuration alone decides."),
         of_service<[](Service service) { return as_number(service.base_digest); }>},
    };
}

std::vector<ServiceFamily> backend_families() {
    return {
        {counter("guideway_backend_packets_total", "Packets forwarded to the backend."),
         of_backends<[](Backend backend) { return backend.traffic.packets; }>},
        {counter("guideway_backend_bytes_total", "Bytes of clients' IP packets forwarded to the backend."),
         of_backends<[](Backend backend) { return backend.traffic.bytes; }>},
        {counter("guideway_backend_new_flows_total", "TCP connections begun (SYN without ACK)."),
         of_backends<[](Backend backend) { return backend.traffic.new_flows; }>},
        {gauge("guideway_backend_slots", "Slots of the service's table that the backend owns."),
         of_backends<[](Backend backend) { return backend.slots; }>},
        {gauge("guideway_backend_weight", "The backend's configured weight."),
         of_backends<[](Backend backend) { return backend.weight; }>},
        {gauge("guideway_backend_availability",
               "How much of its share the backend gets: 0 = down or drained, 1 = all."),
         of_backends<[](Backend backend) {
             return backend.availability / static_cast<double>(abi::AVAILABILITY_FULL);
         }>},
        {gauge("guideway_backend_alive",
               "1 while flows that the backend has stay with it, be it down or drained."),
         of_backends<[](Backend backend) { return backend.alive; }>},
        {gauge("guideway_backend_flow_records", "Flow records that lead to the backend."), add_flow_records},
        {gauge("guideway_backend_next_hop_known", "1 if the way to the backend is known."),
         of_backends<[](Backend backend) { return backend.next_hop.has_value(); }>},
        {gauge("guideway_backend_up", "1 if the backend is judged to be up, 0 if down or not known."),
         of_backend_health<[](BackendHealth health) { return health.state == health::State::kUp; }>},
        {gauge("guideway_backend_diagnosis", "What is broken on the way of its failed probes."),
         add_diagnoses},
        {gauge("guideway_backend_probe_latency_seconds", "Of its good probes, a moving average."),
         of_backend_health<[](BackendHealth health) {
             return std::chrono::duration<double>(health.latency).count();
         }>},
        {counter("guideway_backend_probes_total", "Probes of the backend for the service."),
         of_backend_health<[](BackendHealth health) { return health.probes; }>},
        {counter("guideway_backend_probe_failures_total", "Its probes that failed."),
         of_backend_health<[](BackendHealth health) { return health.failures; }>},
        {gauge("guideway_backend_info", "The name that the configuration gives the backend."), add_names},
    };
}

std::vector<ServiceFamily> families_of(Detail detail) {
    auto families = service_families();
    if (detail == Detail::kBackends)
        std::ranges::move(backend_families(), std::back_inserter(families));
    return families;
}

void add_flow_table(Families& families, const FlowTableSnapshot& table) {
    auto records =
        gauge("guideway_flow_records", "Flow records in the flow table, as the last pass found them.");
    records.add({}, static_cast<double>(table.records));
    auto capacity =
        gauge("guideway_flow_records_max", "Flow records there is room for (datapath.max_flows).");
    capacity.add({}, static_cast<double>(table.capacity));
    families.insert(families.end(), {records, capacity});
}

void add_maps(Families& families, const Snapshot& snapshot) {
    auto entries = gauge("guideway_map_entries", "Elements of the map that are taken.");
    auto capacity = gauge("guideway_map_entries_max", "Elements that the map has.");
    for (const auto& map : snapshot.maps) {
        entries.add({{"map", map.name}}, static_cast<double>(map.entries));
        capacity.add({{"map", map.name}}, static_cast<double>(map.capacity));
    }
    entries.add({{"map", "flows"}}, static_cast<double>(snapshot.flow_table.records));
    capacity.add({{"map", "flows"}}, static_cast<double>(snapshot.flow_table.capacity));
    families.insert(families.end(), {entries, capacity});
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
    auto fingerprint = gauge("guideway_config_fingerprint",
                             "The fingerprint as a number: its first 48 bits. Equal on all balancers.");
    fingerprint.add({}, as_number(agent.fingerprint));
    auto started = gauge("guideway_start_time_seconds", "When the agent started, in seconds since 1970.");
    started.add({}, seconds(agent.started));
    auto reloads = counter("guideway_config_reloads_total", "Reloads of the configuration by result.");
    reloads.add({{"result", "applied"}}, static_cast<double>(agent.reloads.done));
    reloads.add({{"result", "refused"}}, static_cast<double>(agent.reloads.refused));
    auto last = gauge("guideway_config_last_reload_successful", "1 if the last reload was applied.");
    last.add({}, agent.reloads.last.ok ? 1 : 0);
    auto proven =
        gauge("guideway_datapath_proven", "1 if link and maps are in place: the agent looks every second.");
    proven.add({}, agent.fault.empty() ? 1 : 0);
    auto late = gauge("guideway_loop_late_seconds",
                      "The most that a timer of the agent was late since it was asked the last time.");
    late.add({}, std::chrono::duration<double>(agent.loop_late).count());
    families.insert(families.end(), {build, config, fingerprint, started, reloads, last, proven, late});
    if (agent.usage)
        add_process(families, *agent.usage);
    if (agent.bgp)
        add_bgp(families, *agent.bgp);
}

/// What is the balancer's comes before and after what is its services'.
class Metrics final : public BodySource {
  public:
    Metrics(std::shared_ptr<const Snapshot> snapshot, Detail detail)
        : snapshot_(std::move(snapshot)), families_(families_of(detail)) {
        auto attached =
            gauge("guideway_interface_attached", "1 if the program is attached to the interface.");
        for (const auto& interface : snapshot_->interfaces)
            attached.add({{"interface", interface.name}}, interface.attached ? 1 : 0);
        before_.push_back(std::move(attached));
        add_links(before_, snapshot_->interfaces);
        add_verdicts(before_, *snapshot_);
        add_flow_table(before_, snapshot_->flow_table);
        add_maps(before_, *snapshot_);
        if (snapshot_->probes)
            add_probes(after_, *snapshot_->probes);
        if (snapshot_->agent)
            add_agent(after_, *snapshot_->agent);
    }

    std::string next() override {
        std::string piece;
        for (auto& family : std::exchange(before_, {}))
            piece += family.take_text();
        while (piece.size() < kPieceSize && family_ < families_.size())
            piece += of_next_service();
        if (family_ == families_.size()) {
            for (auto& family : std::exchange(after_, {}))
                piece += family.take_text();
        }
        return piece;
    }

  private:
    static constexpr std::size_t kPieceSize = 64 * 1024;

    std::string of_next_service() {
        auto& [family, add] = families_[family_];
        if (service_ < snapshot_->services.size())
            add(snapshot_->services[service_], family);
        if (++service_ >= snapshot_->services.size()) {
            service_ = 0;
            ++family_;
        }
        return family.take_text();
    }

    std::shared_ptr<const Snapshot> snapshot_;
    Families before_, after_;
    std::vector<ServiceFamily> families_;
    std::size_t family_ = 0;   ///< of the next samples
    std::size_t service_ = 0;  ///< of these
};
}  // namespace

std::unique_ptr<BodySource> metrics_of(std::shared_ptr<const Snapshot> snapshot, Detail detail) {
    return std::make_unique<Metrics>(std::move(snapshot), detail);
}

}  // namespace guideway::api
