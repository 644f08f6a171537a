// SPDX-License-Identifier: Apache-2.0
#include "control/reconciler.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "control/backend_entry.hpp"
#include "datapath/counters.hpp"

namespace guideway::control {

namespace {
const DesiredService* find_service(const DesiredState& state, const std::string& name) {
    const auto found = std::ranges::find(state.services, name, &DesiredService::name);
    return found == state.services.end() ? nullptr : &*found;
}

abi::service service_entry(const DesiredService& service, const ServiceNumbers& numbers) {
    abi::service entry{};
    entry.first_backend = numbers.region.first;
    entry.backend_capacity = numbers.region.capacity;
    entry.flags = service.affinity_client ? abi::SERVICE_AFFINITY_CLIENT : 0;
    std::strncpy(entry.name, service.name.c_str(), sizeof(entry.name) - 1);
    return entry;
}
}  // namespace

Reconciler::Reconciler(const datapath::Maps& maps) : maps_(maps), numbering_(read_numbering(maps)) {}

Result<void> Reconciler::apply(const DesiredState& desired, const NextHopOf& next_hop_of) {
    auto next = renumber(numbering_, desired, maps_.geometry());
    if (!next)
        return std::unexpected(next.error());
    const auto listeners = listeners_of(desired, *next);
    if (const auto index = datapath::build_listener_index(listeners); !index)
        return std::unexpected(index.error());
    if (auto prepared = prepare_counters(*next); !prepared)
        return prepared;

    tables_ = tables_of(desired);
    for (const auto& service : desired.services)
        store_service(service, next->services.at(service.name), next_hop_of);
    if (auto published = datapath::publish_listeners(maps_, listeners); !published)
        return published;
    retire(*next);
    numbering_ = std::move(*next);
    state_ = desired;
    return {};
}

void Reconciler::refresh_next_hops(const NextHopOf& next_hop_of) {
    for (const auto& service : state_.services) {
        const auto& numbers = numbering_.services.at(service.name);
        for (const auto& backend : service.backends)
            store_backend(maps_.backend(numbers.index_of(backend.member.address)),
                          backend_entry(backend, next_hop_of(backend)));
    }
}

void Reconciler::release_retired() {
    for (const auto& [name, numbers] : numbering_.services) {
        for (const auto& [address, backend] : numbers.backends) {
            if (backend.retired || numbers.retired)
                store_backend(maps_.backend(numbers.region.first + backend.number), {});
        }
        if (!numbers.retired)
            continue;
        std::ranges::fill(maps_.table(numbers.number), 0);
        maps_.service(numbers.number) = {};
    }
    for (const Region& region : numbering_.retired_regions) {
        for (std::uint32_t local = 1; local <= region.capacity; ++local)
            store_backend(maps_.backend(region.first + local), {});
    }
    control::release_retired(numbering_);
}

std::vector<datapath::ListenerEntry> Reconciler::listeners_of(const DesiredState& desired,
                                                              const Numbering& numbering) const {
    std::vector<datapath::ListenerEntry> entries;
    for (const auto& service : desired.services) {
        const std::uint16_t number = numbering.services.at(service.name).number;
        for (const auto& listener : service.listeners)
            entries.push_back(
                {listener.vip, listener.port, static_cast<std::uint8_t>(listener.protocol), number});
    }
    std::ranges::sort(entries);
    return entries;
}

/// Numbers that are given out anew count from zero; a backend whose entry moves takes its counters along.
Result<void> Reconciler::prepare_counters(const Numbering& next) const {
    for (const auto& [name, numbers] : next.services) {
        const auto before = numbering_.services.find(name);
        const bool known = before != numbering_.services.end();
        Result<void> done{};
        if (!known)
            done = datapath::clear_service_traffic(maps_, numbers.number);
        for (const auto& [address, backend] : numbers.backends) {
            if (!done)
                return done;
            const std::uint32_t index = numbers.region.first + backend.number;
            if (!known || !before->second.backends.contains(address))
                done = datapath::clear_backend_traffic(maps_, index);
            else if (before->second.region != numbers.region)
                done = datapath::copy_backend_traffic(maps_, before->second.index_of(address), index);
        }
        if (!done)
            return done;
    }
    return {};
}

std::map<std::string, ServiceTable> Reconciler::tables_of(const DesiredState& desired) {
    std::map<std::string, ServiceTable> tables;
    for (const auto& service : desired.services) {
        const auto existing = tables_.find(service.name);
        if (existing == tables_.end()) {
            tables.emplace(service.name, ServiceTable(service.backends, maps_.geometry().table_size));
            continue;
        }
        existing->second.update(service.backends);
        tables.insert(tables_.extract(existing));
    }
    return tables;
}

/// In this order, so that whatever a packet reads first, the rest fits: the backends, then where they are,
/// then the slots that lead to them.
void Reconciler::store_service(const DesiredService& service, const ServiceNumbers& numbers,
                               const NextHopOf& next_hop_of) {
    const auto before = numbering_.services.find(service.name);
    if (before != numbering_.services.end() && before->second.region != numbers.region)
        move_retired_backends(before->second, numbers);
    for (const auto& backend : service.backends)
        store_backend(maps_.backend(numbers.index_of(backend.member.address)),
                      backend_entry(backend, next_hop_of(backend)));
    store_words(maps_.service(numbers.number), service_entry(service, numbers));
    const auto* unchanged = find_service(state_, service.name);
    if (unchanged == nullptr || unchanged->backends != service.backends)
        tables_.at(service.name).store(numbers, maps_.table(numbers.number));
}

/// A packet that read an old slot may still look for them, in the new region.
void Reconciler::move_retired_backends(const ServiceNumbers& from, const ServiceNumbers& to) {
    for (const auto& [address, backend] : to.backends) {
        if (backend.retired)
            store_backend(maps_.backend(to.index_of(address)), maps_.backend(from.index_of(address)));
    }
}

void Reconciler::retire(const Numbering& numbering) {
    for (const auto& [name, numbers] : numbering.services) {
        for (const auto& [address, backend] : numbers.backends) {
            auto entry = maps_.backend(numbers.index_of(address));
            if (!backend.retired || (entry.flags & abi::BACKEND_CONFIGURED) == 0)
                continue;
            entry.flags |= abi::BACKEND_RETIRED;
            store_backend(maps_.backend(numbers.index_of(address)), entry);
        }
        if (!numbers.retired)
            continue;
        auto entry = maps_.service(numbers.number);
        entry.flags |= abi::SERVICE_RETIRED;
        store_words(maps_.service(numbers.number), entry);
    }
}

}  // namespace guideway::control
