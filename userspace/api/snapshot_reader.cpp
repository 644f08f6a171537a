// SPDX-License-Identifier: Apache-2.0
#include "api/snapshot_reader.hpp"

#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <map>

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
BackendStanding standing_of(const abi::backend& entry) {
    if ((entry.flags & abi::BACKEND_RETIRED) != 0)
        return BackendStanding::kLeaving;
    if (entry.availability == abi::AVAILABILITY_FULL)
        return BackendStanding::kUp;
    if (entry.availability > 0)
        return BackendStanding::kSlowStart;
    return (entry.flags & abi::BACKEND_ALIVE) != 0 ? BackendStanding::kDrain : BackendStanding::kDown;
}

/// By number.
Result<std::map<std::uint16_t, BackendSnapshot>> backends_of(const datapath::Maps& maps,
                                                             const abi::service& service) {
    std::map<std::uint16_t, BackendSnapshot> backends;
    for (std::uint32_t number = 1; number <= service.backend_capacity; ++number) {
        const std::uint32_t index = service.first_backend + number;
        const abi::backend& entry = maps.backend(index);
        if ((entry.flags & abi::BACKEND_CONFIGURED) == 0)
            continue;
        const auto traffic = datapath::backend_traffic(maps, index);
        if (!traffic)
            return std::unexpected(traffic.error());
        backends[static_cast<std::uint16_t>(number)] = {
            .address = abi::from_abi(entry.address),
            .name = {},
            .number = static_cast<std::uint16_t>(number),
            .weight = entry.weight,
            .availability = entry.availability,
            .standing = standing_of(entry),
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

/// Counts each backend's slots and takes both digests.
control::TableFacts read_table(const std::map<std::uint16_t, BackendSnapshot>& backends,
                               std::span<const std::uint16_t> slots) {
    std::vector<maglev::Member> members;
    for (const auto& [number, backend] : backends) {
        if (backend.standing != BackendStanding::kLeaving)
            members.push_back({backend.address, backend.weight});
    }
    const auto base = maglev::BaseTable::build(members, static_cast<std::uint32_t>(slots.size()));

    std::map<IpAddress, std::uint16_t> position;
    for (std::size_t i = 0; i < base.members().size(); ++i)
        position[base.members()[i].address] = static_cast<std::uint16_t>(i);
    std::vector<std::uint16_t> owner_of(abi::SLOT_BACKEND + 1, maglev::kNobody);
    for (const auto& [number, backend] : backends) {
        if (backend.standing != BackendStanding::kLeaving)
            owner_of[number] = position.at(backend.address);
    }
    std::vector<std::uint16_t> owners;
    for (const std::uint16_t slot : slots)
        owners.push_back(owner_of[slot & abi::SLOT_BACKEND]);
    return {
        .base_digest = maglev::table_digest(base.members(), base.owners()),
        .digest = maglev::table_digest(base.members(), owners),
        .slots = control::count_slots(slots),
    };
}

/// How many slots move, and how; `backends` learn whose flows are waited for.
void count_moving(ServiceSnapshot& service, std::map<std::uint16_t, BackendSnapshot>& backends,
                  std::span<const std::uint16_t> slots, std::span<const std::uint16_t> previous) {
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        if ((slots[slot] & abi::SLOT_MOVING) == 0)
            continue;
        const std::uint16_t former = previous[slot];
        ++(former != 0 ? service.learning_slots : service.tracking_slots);
        if (const auto found = backends.find(former); found != backends.end())
            ++found->second.learning_slots;
    }
}
}  // namespace

SnapshotReader::SnapshotReader(const datapath::Maps& maps, const datapath::Pins& pins,
                               const control::SlotLives* lives)
    : maps_(maps), pins_(pins), lives_(lives) {}

Result<control::FlowCounts> SnapshotReader::count_flows() const {
    if (lives_ != nullptr)
        return lives_->flow_counts();
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
    facts_.erase(service_number);
    if (facts)
        facts_[service_number] = std::move(*facts);
}

Result<ServiceSnapshot> SnapshotReader::read_service(std::uint16_t number, const control::FlowCounts& flows) {
    const abi::service& entry = maps_.service(number);
    ServiceSnapshot service;
    service.name = entry.name;
    service.number = number;
    service.affinity_client = (entry.flags & abi::SERVICE_AFFINITY_CLIENT) != 0;
    const auto counters = datapath::service_counters(maps_, number);
    if (!counters)
        return std::unexpected(counters.error());
    service.counters = *counters;
    auto backends = backends_of(maps_, entry);
    if (!backends)
        return std::unexpected(backends.error());
    auto facts = facts_.find(number);
    if (facts == facts_.end())
        facts = facts_.emplace(number, read_table(*backends, maps_.table(number))).first;
    service.base_digest = facts->second.base_digest;
    service.digest = facts->second.digest;
    count_moving(service, *backends, maps_.table(number), maps_.previous(number));
    for (auto& [local, backend] : *backends) {
        backend.slots = facts->second.slots[local];
        if (const auto found = flows.find({number, local}); found != flows.end())
            backend.flows = found->second;
        const bool leaving = backend.standing == BackendStanding::kLeaving;
        (leaving ? service.leaving : service.backends).push_back(backend);
    }
    for (auto* list : {&service.backends, &service.leaving})
        std::ranges::sort(*list, {}, &BackendSnapshot::address);
    return service;
}

Result<Snapshot> SnapshotReader::read() {
    Snapshot snapshot;
    snapshot.at = Clock::now();
    snapshot.table_size = maps_.geometry().table_size;
    for (const auto& interface : pins_.linked_interfaces())
        snapshot.interfaces.push_back({interface, datapath::is_attached(pins_, interface)});
    const auto verdicts = datapath::verdict_counts(maps_);
    if (!verdicts)
        return std::unexpected(verdicts.error());
    snapshot.verdicts = *verdicts;

    const auto flows = count_flows();
    if (!flows)
        return std::unexpected(flows.error());
    std::map<std::uint16_t, std::vector<std::string>> listeners;
    for (const auto& entry : datapath::published_listeners(maps_))
        listeners[entry.service].push_back(
            config::Listener{entry.vip, entry.port, static_cast<config::Protocol>(entry.protocol), false}
                .text());
    for (std::uint32_t number = 1; number <= maps_.geometry().max_services; ++number) {
        const abi::service& entry = maps_.service(number);
        if (entry.name[0] == '\0' || (entry.flags & abi::SERVICE_RETIRED) != 0)
            continue;
        auto service = read_service(static_cast<std::uint16_t>(number), *flows);
        if (!service)
            return std::unexpected(service.error());
        service->listeners = listeners[static_cast<std::uint16_t>(number)];
        snapshot.services.push_back(std::move(*service));
    }
    std::ranges::sort(snapshot.services, {}, &ServiceSnapshot::name);
    return snapshot;
}

}  // namespace guideway::api
