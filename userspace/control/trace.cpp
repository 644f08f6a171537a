// SPDX-License-Identifier: Apache-2.0
#include "control/trace.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>

#include <algorithm>
#include <vector>

#include "datapath/listener_index.hpp"
#include "maglev/base_table.hpp"

namespace guideway::control {

namespace {
/// Who listens, the exact port first; and whether anybody does at the address.
struct Listening {
    std::optional<datapath::ListenerEntry> listener;
    bool vip = false;
};

Listening listener_of(const datapath::Maps& maps, const maglev::Flow& flow) {
    Listening found;
    for (const auto& entry : datapath::published_listeners(maps)) {
        if (entry.vip != flow.destination)
            continue;
        found.vip = true;
        const bool fits =
            entry.protocol == flow.protocol && (entry.port == flow.destination_port || entry.port == 0);
        if (fits && (!found.listener || entry.port != 0))
            found.listener = entry;
    }
    return found;
}

/// As client_permission() of bpf/client_filter.h.
bool is_permitted(const datapath::Maps& maps, std::uint16_t filter, const IpAddress& client) {
    if (filter == 0)
        return true;
    const abi::client_prefix key{.length = abi::CLIENT_PREFIX_FILTER_BITS + 8 * sizeof(abi::address),
                                 .filter = filter,
                                 .address = abi::to_abi(client)};
    abi::client_permission permission{};
    if (bpf_map_lookup_elem(maps.fds().clients.get(), &key, &permission) != 0)
        return true;
    return (permission.flags & abi::CLIENT_PERMITTED) != 0;
}

std::optional<abi::flow_record> record_of(const datapath::Maps& maps, std::uint16_t service,
                                          const maglev::Flow& flow) {
    abi::flow_id id{};
    id.source = abi::to_abi(flow.source);
    id.destination = abi::to_abi(flow.destination);
    id.source_port = htons(flow.source_port);
    id.destination_port = htons(flow.destination_port);
    id.service = service;
    id.protocol = flow.protocol;
    abi::flow_record record{};
    if (bpf_map_lookup_elem(maps.fds().flows.get(), &id, &record) != 0)
        return std::nullopt;
    return record;
}

const abi::backend* backend_of(const datapath::Maps& maps, const abi::service& service,
                               std::uint16_t number) {
    return number == 0 || number > service.backend_capacity ? nullptr
                                                            : &maps.backend(service.first_backend + number);
}

bool is_alive(const datapath::Maps& maps, const abi::service& service, std::uint16_t number) {
    const auto* backend = backend_of(maps, service, number);
    return backend != nullptr && (backend->flags & abi::BACKEND_ALIVE) != 0;
}

Fate fate_of(const datapath::Maps& maps, const abi::service& service, std::uint16_t number) {
    const auto* backend = backend_of(maps, service, number);
    if (backend == nullptr)
        return {0, abi::VERDICT_NO_BACKEND};
    const bool known = (backend->flags & (abi::BACKEND_NEXT_HOP | abi::BACKEND_LOCAL)) != 0;
    return {number, known ? abi::VERDICT_NONE : abi::VERDICT_NO_NEXT_HOP};
}

/// The backend that would have the slot if all were up; 0: nobody.
std::uint16_t base_owner_of(const datapath::Maps& maps, const abi::service& service, std::uint32_t slot) {
    std::vector<maglev::Member> members;
    std::vector<std::uint16_t> numbers;
    for (std::uint32_t number = 1; number <= service.backend_capacity; ++number) {
        const auto& backend = maps.backend(service.first_backend + number);
        if ((backend.flags & abi::BACKEND_CONFIGURED) == 0 || (backend.flags & abi::BACKEND_RETIRED) != 0)
            continue;
        members.push_back({abi::from_abi(backend.address), backend.weight});
        numbers.push_back(static_cast<std::uint16_t>(number));
    }
    const auto base = maglev::BaseTable::build(members, service.table_size);
    const auto owner = base.owners()[slot];
    if (owner == maglev::kNobody)
        return 0;
    const auto found = std::ranges::find(members, base.members()[owner].address, &maglev::Member::address);
    return numbers[static_cast<std::size_t>(found - members.begin())];
}

/// The table of bpf/moving_slot.h: who gets the first packet of a flow, and who any other.
std::pair<std::uint16_t, std::uint16_t> decide(const datapath::Maps& maps, const abi::service& service,
                                               const Trace& found, abi::flow_kind kind) {
    const auto tracking = service.tracking[kind];
    if (tracking == abi::TRACKING_NEVER || tracking == abi::TRACKING_SECOND_CHANCE ||
        (!found.moving && tracking != abi::TRACKING_ALWAYS))
        return {found.owner, found.owner};
    const bool live = found.record && is_alive(maps, service, found.record->backend);
    const auto later = live                                    ? found.record->backend
                       : is_alive(maps, service, found.former) ? found.former
                                                               : found.owner;
    if (kind == abi::FLOW_UDP || (live && kind == abi::FLOW_QUIC))
        return {later, later};
    return {found.owner, later};
}
}  // namespace

Trace trace(const datapath::Maps& maps, const config::HashKey& key, const maglev::Flow& flow) {
    Trace found;
    const auto [listener, vip] = listener_of(maps, flow);
    if (!listener) {
        found.first.verdict = found.later.verdict = vip ? abi::VERDICT_NO_LISTENER : abi::VERDICT_NOT_VIP;
        return found;
    }
    const auto& service = maps.service(listener->service);
    found.service = listener->service;
    found.service_name = service.name;
    found.permitted = is_permitted(maps, service.filter, flow.source);
    found.hash = maglev::flow_hash(flow, key, (service.flags & abi::SERVICE_AFFINITY_CLIENT) != 0);
    const auto slots = maps.table(found.service), previous = maps.previous(found.service);
    if (slots.empty() || previous.empty()) {
        found.first.verdict = found.later.verdict = abi::VERDICT_NO_BACKEND;
        return found;
    }
    found.slot = maglev::flow_slot(found.hash, static_cast<std::uint32_t>(slots.size()));
    const auto word = slots[found.slot];
    found.moving = (word & abi::SLOT_MOVING) != 0;
    found.owner = word & abi::SLOT_BACKEND;
    if (found.moving)
        found.former = previous[found.slot] & abi::SLOT_BACKEND;
    found.base_owner = base_owner_of(maps, service, found.slot);
    found.record = record_of(maps, found.service, flow);
    const auto kind = flow.protocol == IPPROTO_TCP ? abi::FLOW_TCP
                      : listener->quic             ? abi::FLOW_QUIC
                                                   : abi::FLOW_UDP;
    found.names_hops = found.moving && service.tracking[kind] == abi::TRACKING_SECOND_CHANCE;
    const auto [first, later] = decide(maps, service, found, kind);
    found.first = found.permitted ? fate_of(maps, service, first) : Fate{0, abi::VERDICT_CLIENT_DENIED};
    found.later = found.permitted ? fate_of(maps, service, later) : Fate{0, abi::VERDICT_CLIENT_DENIED};
    return found;
}

}  // namespace guideway::control
