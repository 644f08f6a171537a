// SPDX-License-Identifier: Apache-2.0
#include "api/snapshot_reader.hpp"

#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "config/model.hpp"
#include "datapath/attachment.hpp"
#include "maglev/base_table.hpp"
#include "maglev/digest.hpp"

namespace guideway::api {

namespace {
std::optional<NextHopSnapshot> next_hop_in(const abi::backend& entry) {
    if ((entry.flags & abi::BACKEND_NEXT_HOP) == 0)
        return std::nullopt;
    NextHopSnapshot next_hop;
    char name[IF_NAMESIZE] = {};
    if (if_indextoname(entry.interface, name) != nullptr)
        next_hop.interface = name;
    std::memcpy(next_hop.mac.bytes.data(), entry.next_hop_mac, sizeof(entry.next_hop_mac));
    next_hop.source = abi::from_abi(entry.source);
    return next_hop;
}

/// As far as the entry tells; an agent knows more.
BackendActivity activity_of(const abi::backend& entry) {
    if ((entry.flags & abi::BACKEND_RETIRED) != 0)
        return BackendActivity::kLeaving;
    if (entry.availability == abi::AVAILABILITY_FULL)
        return BackendActivity::kUp;
    if (entry.availability > 0)
        return BackendActivity::kSlowStart;
    return (entry.flags & abi::BACKEND_ALIVE) != 0 ? BackendActivity::kDrain : BackendActivity::kDown;
}

/// None if somebody has the service's entry lead beyond the map.
std::uint32_t backend_capacity(const datapath::Maps& maps, const abi::service& service) {
    const abi::service stored = service;
    const auto end = std::uint64_t{stored.first_backend} + stored.backend_capacity;
    return end > maps.geometry().max_backends ? 0 : stored.backend_capacity;
}

BackendCounts counts_of(const datapath::Maps& maps, const abi::service& service) {
    BackendCounts counts;
    const std::uint32_t capacity = backend_capacity(maps, service);
    for (std::uint32_t number = 1; number <= capacity; ++number) {
        const abi::backend& entry = maps.backend(service.first_backend + number);
        if ((entry.flags & abi::BACKEND_CONFIGURED) == 0)
            continue;
        const bool leaving = (entry.flags & abi::BACKEND_RETIRED) != 0;
        ++(leaving ? counts.leaving : counts.configured);
        if (!leaving && entry.availability > 0)
            ++counts.serving;
    }
    return counts;
}

/// By number.
Result<std::map<std::uint16_t, BackendSnapshot>> backends_of(const datapath::Maps& maps,
                                                             const abi::service& service, Detail detail) {
    std::map<std::uint16_t, BackendSnapshot> backends;
    const std::uint32_t capacity = backend_capacity(maps, service);
    for (std::uint32_t number = 1; number <= capacity; ++number) {
        const std::uint32_t index = service.first_backend + number;
        const abi::backend& entry = maps.backend(index);
        if ((entry.flags & abi::BACKEND_CONFIGURED) == 0)
            continue;
        const auto traffic = detail == Detail::kBackends ? datapath::backend_traffic(maps, index)
                                                         : Result<abi::traffic>(abi::traffic{});
        if (!traffic)
            return std::unexpected(traffic.error());
        backends[static_cast<std::uint16_t>(number)] = {
            .address = abi::from_abi(entry.address),
            .name = {},
            .number = static_cast<std::uint16_t>(number),
            .weight = entry.weight,
            .availability = entry.availability,
            .activity = activity_of(entry),
            .alive = (entry.flags & abi::BACKEND_ALIVE) != 0,
            .by_hand = false,
            .slots = 0,
            .learning_slots = 0,
            .flows = 0,
            .next_hop = next_hop_in(entry),
            .trouble = {},
            .health = {},
            .traffic = *traffic,
        };
    }
    return backends;
}

std::vector<maglev::Member> members_of(const std::map<std::uint16_t, BackendSnapshot>& backends) {
    std::vector<maglev::Member> members;
    for (const auto& [number, backend] : backends) {
        if (backend.activity != BackendActivity::kLeaving)
            members.push_back({backend.address, backend.weight});
    }
    return members;
}

std::string digest_of(const std::map<std::uint16_t, BackendSnapshot>& backends,
                      std::span<const std::uint16_t> slots) {
    std::vector<maglev::Member> by_number(abi::SLOT_BACKEND + 1);
    std::vector<std::uint16_t> owner_of(abi::SLOT_BACKEND + 1, maglev::kNobody);
    for (const auto& [number, backend] : backends) {
        by_number[number].address = backend.address;
        if (backend.activity != BackendActivity::kLeaving)
            owner_of[number] = number;
    }
    std::vector<std::uint16_t> owners;
    owners.reserve(slots.size());
    for (const std::uint16_t slot : slots)
        owners.push_back(owner_of[slot & abi::SLOT_BACKEND]);
    return maglev::table_digest(by_number, owners);
}

/// Takes both digests and counts each backend's slots, as far as that is not known.
void complete(control::TableFacts& facts, const std::map<std::uint16_t, BackendSnapshot>& backends,
              std::span<const std::uint16_t> slots) {
    if (slots.empty())
        return;  // somebody spoilt the service's entry, and the agent has not mended it yet
    if (facts.base_digest.empty()) {
        const auto base =
            maglev::BaseTable::build(members_of(backends), static_cast<std::uint32_t>(slots.size()));
        facts.base_digest = maglev::table_digest(base.members(), base.owners());
    }
    if (facts.digest.empty()) {
        facts.digest = digest_of(backends, slots);
        facts.slots = control::count_slots(slots);
    }
}

/// How many slots move, and how; `backends` learn whose flows are waited for.
void count_moving(ServiceSnapshot& service, const abi::service& entry,
                  std::map<std::uint16_t, BackendSnapshot>& backends, std::span<const std::uint16_t> slots,
                  std::span<const std::uint16_t> previous) {
    const bool names = entry.tracking[abi::FLOW_TCP] == abi::TRACKING_SECOND_CHANCE;
    auto& not_learning = names ? service.naming_slots : service.tracking_slots;
    for (std::size_t slot = 0; slot < std::min(slots.size(), previous.size()); ++slot) {
        if ((slots[slot] & abi::SLOT_MOVING) == 0)
            continue;
        const std::uint16_t former = previous[slot];
        ++(former != 0 ? service.learning_slots : not_learning);
        if (const auto found = backends.find(former); found != backends.end())
            ++found->second.learning_slots;
    }
}

/// A retired service keeps its elements until its flows have ended. Listeners share their map with VIPs.
std::vector<MapSnapshot> fill_of_maps(const datapath::Maps& maps,
                                      const std::vector<datapath::ListenerEntry>& listeners) {
    std::uint64_t services = 0, backends = 0;
    for (std::uint32_t number = 1; number <= maps.geometry().max_services; ++number) {
        const abi::service& entry = maps.service(number);
        if (entry.name[0] == '\0')
            continue;
        ++services;
        backends += entry.backend_capacity;
    }
    std::set<IpAddress> vips;
    for (const auto& listener : listeners)
        vips.insert(listener.vip);
    return {{"backends", backends, maps.geometry().max_backends},
            {"listeners", listeners.size() + vips.size(), abi::LISTENER_KEYS_MAX},
            {"services", services, maps.geometry().max_services}};
}
}  // namespace

Result<control::FlowCounts> SnapshotReader::count_flows() const {
    control::FlowCounts counts;
    datapath::FlowScan scan(maps_);
    while (!scan.done()) {
        const auto entries = scan.next();
        if (!entries)
            return std::unexpected(entries.error());
        for (const auto& [id, record] : *entries)
            ++counts[{id.service, record.backend}];
    }
    return counts;
}

void SnapshotReader::table_changed(std::uint16_t service_number, std::optional<control::TableFacts> facts) {
    const std::lock_guard lock(mutex_);
    auto& change = changes_[service_number];
    if (facts)
        change = std::move(facts);
    else if (change)
        change->digest.clear();
}

void SnapshotReader::take_changes() {
    const std::lock_guard lock(mutex_);
    for (auto& [number, change] : changes_) {
        if (change)
            facts_[number] = std::move(*change);
        else
            facts_[number].digest.clear();
    }
    changes_.clear();
}

Result<ServiceSnapshot> SnapshotReader::read_service(std::uint16_t number, Detail detail,
                                                     const control::FlowCounts& flows) {
    const abi::service& entry = maps_.service(number);
    ServiceSnapshot service;
    service.name = entry.name;
    service.number = number;
    service.table_size = entry.table_size;
    service.affinity_client = (entry.flags & abi::SERVICE_AFFINITY_CLIENT) != 0;
    const auto counters = datapath::service_counters(maps_, number);
    if (!counters)
        return std::unexpected(counters.error());
    service.counters = *counters;
    service.backend_counts = counts_of(maps_, entry);
    auto& facts = facts_[number];
    std::map<std::uint16_t, BackendSnapshot> backends;
    if (detail == Detail::kBackends || facts.digest.empty()) {
        auto read = backends_of(maps_, entry, detail);
        if (!read)
            return std::unexpected(read.error());
        backends = std::move(*read);
    }
    complete(facts, backends, maps_.table(number));
    service.base_digest = facts.base_digest;
    service.digest = facts.digest;
    count_moving(service, entry, backends, maps_.table(number), maps_.previous(number));
    if (detail == Detail::kServices)
        return service;
    for (auto& [local, backend] : backends) {
        if (const auto slots = facts.slots.find(local); slots != facts.slots.end())
            backend.slots = slots->second;
        if (const auto found = flows.find({number, local}); found != flows.end())
            backend.flows = found->second;
        const bool leaving = backend.activity == BackendActivity::kLeaving;
        (leaving ? service.leaving : service.backends).push_back(std::move(backend));
    }
    for (auto* list : {&service.backends, &service.leaving})
        std::ranges::sort(*list, {}, &BackendSnapshot::address);
    return service;
}

bool SnapshotReader::is_published(std::uint16_t number) const {
    const abi::service& entry = maps_.service(number);
    return entry.name[0] != '\0' && (entry.flags & abi::SERVICE_RETIRED) == 0;
}

std::uint16_t SnapshotReader::number_of(const std::string& name) const {
    for (std::uint32_t candidate = 1; candidate <= maps_.geometry().max_services; ++candidate) {
        const auto number = static_cast<std::uint16_t>(candidate);
        if (is_published(number) && name == maps_.service(number).name)
            return number;
    }
    return 0;
}

Result<std::optional<ServiceSnapshot>> SnapshotReader::read_service(const std::string& name,
                                                                    const control::FlowCounts& flows) {
    take_changes();
    const auto number = number_of(name);
    if (number == 0)
        return std::nullopt;
    auto service = read_service(number, Detail::kBackends, flows);
    if (!service)
        return std::unexpected(service.error());
    return std::move(*service);
}

std::optional<TableSnapshot> SnapshotReader::read_table(const std::string& name,
                                                        std::uint32_t at_most) const {
    const auto number = number_of(name);
    if (number == 0)
        return std::nullopt;
    const auto slots = maps_.table(number);
    TableSnapshot table;
    table.table_size = static_cast<std::uint32_t>(slots.size());
    table.step = std::max(1U, (table.table_size + at_most - 1) / at_most);
    for (std::size_t slot = 0; slot < slots.size(); slot += table.step) {
        table.owners.push_back(slots[slot] & abi::SLOT_BACKEND);
        table.moving.push_back((slots[slot] & abi::SLOT_MOVING) != 0);
    }
    return table;
}

Result<Snapshot> SnapshotReader::read(Detail detail, const control::FlowCounts* flows) {
    Snapshot snapshot;
    snapshot.at = Clock::now();
    snapshot.table_size = maps_.geometry().table_size;
    for (const auto& interface : pins_.linked_interfaces())
        snapshot.interfaces.push_back({interface, datapath::is_attached(pins_, interface), {}, {}});
    const auto verdicts = datapath::verdict_counts(maps_);
    if (!verdicts)
        return std::unexpected(verdicts.error());
    snapshot.verdicts = *verdicts;

    take_changes();
    control::FlowCounts counted;
    if (flows == nullptr) {
        auto counts = count_flows();
        if (!counts)
            return std::unexpected(counts.error());
        counted = std::move(*counts);
        flows = &counted;
    }
    snapshot.flow_table.capacity = maps_.geometry().max_flows;
    for (const auto& [backend, count] : *flows)
        snapshot.flow_table.records += count;
    const auto published = datapath::published_listeners(maps_);
    snapshot.maps = fill_of_maps(maps_, published);
    std::map<std::uint16_t, std::vector<std::string>> listeners;
    for (const auto& entry : published)
        listeners[entry.service].push_back(
            config::Listener{entry.vip, entry.port, static_cast<config::Protocol>(entry.protocol), false}
                .text());
    for (std::uint32_t number = 1; number <= maps_.geometry().max_services; ++number) {
        if (!is_published(static_cast<std::uint16_t>(number)))
            continue;
        auto service = read_service(static_cast<std::uint16_t>(number), detail, *flows);
        if (!service)
            return std::unexpected(service.error());
        service->listeners = listeners[static_cast<std::uint16_t>(number)];
        snapshot.services.push_back(std::move(*service));
    }
    std::ranges::sort(snapshot.services, {}, &ServiceSnapshot::name);
    return snapshot;
}

}  // namespace guideway::api
