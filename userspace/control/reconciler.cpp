// SPDX-License-Identifier: Apache-2.0
#include "control/reconciler.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "control/backend_entry.hpp"
#include "datapath/counters.hpp"
#include "datapath/readers.hpp"

namespace guideway::control {

namespace {
/// Kept tables beyond this are dropped: a thousand services' would take half a gigabyte.
constexpr std::size_t kKeptBytesAtMost = 128 << 20;

abi::service service_entry(const DesiredService& service, const ServiceNumbers& numbers) {
    abi::service entry{};
    entry.first_backend = numbers.region.first;
    entry.backend_capacity = numbers.region.capacity;
    entry.flags = service.affinity_client ? abi::SERVICE_AFFINITY_CLIENT : 0;
    std::strncpy(entry.name, service.name.c_str(), sizeof(entry.name) - 1);
    return entry;
}

std::vector<datapath::ListenerEntry> listeners_of(const DesiredState& desired, const Numbering& numbering) {
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

/// Calls work(0) .. work(count - 1) on all cores.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next = 0;
    const auto loop = [&] {
        for (std::size_t i = next++; i < count; i = next++)
            work(i);
    };
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min<std::size_t>(count, std::thread::hardware_concurrency()); ++i)
        helpers.emplace_back(loop);
    loop();
}
}  // namespace

Reconciler::Reconciler(const datapath::Maps& maps) : maps_(maps), numbering_(read_numbering(maps)) {}

Result<Change> Reconciler::prepare(DesiredState desired) const {
    Change change;
    change.desired = std::make_shared<const DesiredState>(std::move(desired));
    auto numbering = renumber(numbering_, *change.desired, maps_.geometry());
    if (!numbering)
        return std::unexpected(numbering.error());
    change.numbering = std::move(*numbering);
    auto listeners = datapath::build_listener_index(listeners_of(*change.desired, change.numbering));
    if (!listeners)
        return std::unexpected(listeners.error());
    change.listeners = std::move(*listeners);
    change.services = changed_services(change);
    datapath::wait_for_readers();  // of the listener index that is to be written
    if (auto prepared = prepare_counters(change); !prepared)
        return std::unexpected(prepared.error());
    return change;
}

std::vector<ServiceChange> Reconciler::changed_services(const Change& change) const {
    std::vector<ServiceChange> changes;
    for (const auto& service : change.desired->services) {
        const auto before = services_.find(service.name);
        if (before == services_.end() || *before->second != service)
            changes.push_back({&service, {}, nullptr, {}});
    }
    std::atomic<std::size_t> kept = kept_bytes_;
    in_parallel(changes.size(), [&](std::size_t i) {
        const auto& service = *changes[i].service;
        const auto present = tables_.find(service.name);
        if (present != tables_.end() && present->second->has_members(service.backends))
            return;
        auto table = std::make_shared<ServiceTable>(
            service.backends, change.numbering.services.at(service.name), maps_.geometry().table_size);
        changes[i].slots = table->slots();
        changes[i].facts = facts_of(*table, changes[i].slots);
        if ((kept += table->footprint()) <= kKeptBytesAtMost)
            changes[i].table = std::move(table);
    });
    return changes;
}

void Reconciler::commit(Change change, const NextHopOf& next_hop_of) {
    for (auto& service : change.services)
        store_service(service, change.numbering.services.at(service.service->name), next_hop_of);
    datapath::publish_listeners(maps_, *change.listeners);
    retire(change.numbering);
    numbering_ = std::move(change.numbering);
    state_ = std::move(change.desired);
    services_.clear();
    for (const auto& service : state_->services)
        services_[service.name] = &service;
    for (auto kept = tables_.begin(); kept != tables_.end();) {
        const auto& [name, table] = *kept++;
        if (!services_.contains(name))
            forget(name);
    }
}

Result<void> Reconciler::apply(DesiredState desired, const NextHopOf& next_hop_of) {
    auto change = prepare(std::move(desired));
    if (!change)
        return std::unexpected(change.error());
    commit(std::move(*change), next_hop_of);
    return {};
}

void Reconciler::refresh_next_hops(const NextHopOf& next_hop_of) {
    for (const auto& service : state_->services) {
        const auto& numbers = numbering_.services.at(service.name);
        for (const auto& backend : service.backends)
            store_backend(maps_.backend(numbers.index_of(backend.member.address)),
                          backend_entry(backend, next_hop_of(backend)));
    }
}

void Reconciler::release_retired() {
    for (const auto& [name, numbers] : numbering_.services) {
        for (const auto& backend : numbers.backends) {
            if (backend.retired)
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

/// Numbers that are given out anew count from zero; a backend whose entry moves takes its counters along.
Result<void> Reconciler::prepare_counters(const Change& change) const {
    for (const auto& changed : change.services) {
        const auto* service = changed.service;
        const auto& numbers = change.numbering.services.at(service->name);
        const auto before = numbering_.services.find(service->name);
        const bool known = before != numbering_.services.end();
        Result<void> done{};
        if (!known)
            done = datapath::clear_service_traffic(maps_, numbers.number);
        for (const auto& backend : numbers.backends) {
            if (!done)
                return done;
            const std::uint32_t index = numbers.region.first + backend.number;
            if (!known || before->second.find(backend.address) == nullptr)
                done = datapath::clear_backend_traffic(maps_, index);
            else if (before->second.region != numbers.region)
                done = datapath::copy_backend_traffic(maps_, before->second.index_of(backend.address), index);
        }
        if (!done)
            return done;
    }
    return {};
}

/// In this order, so that whatever a packet reads first, the rest fits: the backends, then where they are,
/// then the slots that lead to them.
void Reconciler::store_service(ServiceChange& change, const ServiceNumbers& numbers,
                               const NextHopOf& next_hop_of) {
    const auto& service = *change.service;
    const auto before = numbering_.services.find(service.name);
    const bool known = before != numbering_.services.end();
    if (!known || before->second.region != numbers.region)
        clear_leftovers(numbers);
    if (known && before->second.region != numbers.region)
        move_retired_backends(before->second, numbers);
    for (const auto& backend : service.backends)
        store_backend(maps_.backend(numbers.index_of(backend.member.address)),
                      backend_entry(backend, next_hop_of(backend)));
    store_words(maps_.service(numbers.number), service_entry(service, numbers));

    const auto slots = maps_.table(numbers.number);
    if (change.slots.empty()) {
        tables_.at(service.name)->change(service.backends, slots);
        return;
    }
    store_slots(change.slots, slots);
    forget(service.name);
    if (change.table)
        keep(service.name, std::move(change.table));
}

void Reconciler::keep(const std::string& service, std::shared_ptr<ServiceTable> table) {
    kept_bytes_ += table->footprint();
    tables_[service] = std::move(table);
}

void Reconciler::forget(const std::string& service) {
    const auto kept = tables_.find(service);
    if (kept == tables_.end())
        return;
    kept_bytes_ -= kept->second->footprint();
    tables_.erase(kept);
}

/// An agent that died may have left entries in a region that nobody has any more.
void Reconciler::clear_leftovers(const ServiceNumbers& numbers) {
    std::vector<bool> used(numbers.region.capacity + 1);
    for (const auto& backend : numbers.backends)
        used[backend.number] = true;
    for (std::uint32_t local = 1; local <= numbers.region.capacity; ++local) {
        if (!used[local])
            store_backend(maps_.backend(numbers.region.first + local), {});
    }
}

/// A packet that read an old slot may still look for them, in the new region.
void Reconciler::move_retired_backends(const ServiceNumbers& from, const ServiceNumbers& to) {
    for (const auto& backend : to.backends) {
        if (backend.retired)
            store_backend(maps_.backend(to.region.first + backend.number),
                          maps_.backend(from.region.first + backend.number));
    }
}

void Reconciler::retire(const Numbering& numbering) {
    for (const auto& [name, numbers] : numbering.services) {
        for (const auto& backend : numbers.backends) {
            if (!backend.retired)
                continue;
            auto& element = maps_.backend(numbers.region.first + backend.number);
            auto entry = element;
            entry.flags |= abi::BACKEND_RETIRED;
            store_backend(element, entry);
        }
        if (!numbers.retired)
            continue;
        auto entry = maps_.service(numbers.number);
        entry.flags |= abi::SERVICE_RETIRED;
        store_words(maps_.service(numbers.number), entry);
    }
}

}  // namespace guideway::control
