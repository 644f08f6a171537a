// SPDX-License-Identifier: Apache-2.0
#include "control/reconciler.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

#include "control/backend_entry.hpp"
#include "control/service_entry.hpp"
#include "datapath/client_prefixes.hpp"
#include "datapath/counters.hpp"
#include "datapath/rcu.hpp"

namespace guideway::control {

namespace {
/// Kept tables beyond this are dropped: a thousand services' would take half a gigabyte.
constexpr std::size_t kKeptBytesAtMost = 128 << 20;

std::vector<datapath::ListenerEntry> listeners_of(const DesiredState& desired, const Numbering& numbering) {
    std::vector<datapath::ListenerEntry> entries;
    for (const auto& service : desired.services) {
        const std::uint16_t number = numbering.services.at(service.name).number;
        for (const auto& listener : service.listeners)
            entries.push_back({listener.vip, listener.port, static_cast<std::uint8_t>(listener.protocol),
                               number, listener.quic});
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

Reconciler::Reconciler(const datapath::Maps& maps, EarlierFlows earlier)
    : maps_(maps), earlier_flows_(earlier), numbering_(read_numbering(maps)), lives_(maps) {}

void Reconciler::rename(const Renames& renames) {
    rename_keys(numbering_.services, renames);
    rename_keys(services_, renames);
    rename_keys(filters_, renames);
    rename_keys(tables_, renames);
    rename_keys(postponed_, renames);
    rename_services(leaving_, renames);
    for (const auto& [name, service] : services_)
        service->name = name;
}

Result<Change> Reconciler::prepare(DesiredState desired) const {
    Change change;
    change.desired = std::make_shared<DesiredState>(std::move(desired));
    auto numbering = renumber(numbering_, *change.desired, maps_.geometry());
    if (!numbering)
        return std::unexpected(numbering.error());
    change.numbering = std::move(*numbering);
    auto listeners = datapath::build_listener_index(listeners_of(*change.desired, change.numbering),
                                                    change.desired->answer_closed);
    if (!listeners)
        return std::unexpected(listeners.error());
    change.listeners = std::move(*listeners);
    change.services = changed_services(change);
    datapath::wait_for_rcu_grace_period();  // of the listener index that is to be written
    if (auto prepared = prepare_counters(change); !prepared)
        return std::unexpected(prepared.error());
    if (auto prepared = prepare_filters(change); !prepared)
        return std::unexpected(prepared.error());
    if (auto prepared = prepare_chances(change); !prepared)
        return std::unexpected(prepared.error());
    return change;
}

/// Empty lists, which packets do not read before the service says so.
Result<void> Reconciler::prepare_chances(const Change& change) const {
    for (const auto& changed : change.services) {
        if (!changed.service->tracking_settings.second_chance || maps_.chances() == nullptr)
            continue;
        const auto& numbers = change.numbering.services.at(changed.service->name);
        if (auto provided = maps_.chances()->provide(numbers.number, numbers.table_size); !provided)
            return provided;
    }
    return {};
}

/// A filter that changes is a new one, so that packets see the old or the new, never a mixture.
Result<void> Reconciler::prepare_filters(Change& change) const {
    if (auto removed = datapath::remove_unused_client_filters(maps_); !removed)
        return removed;
    auto used = datapath::used_client_filters(maps_);
    used[0] = true;
    for (const auto& service : change.desired->services) {
        if (service.clients.is_open())
            continue;
        const auto before = services_.find(service.name);
        const auto present = filters_.find(service.name);
        if (present != filters_.end() && before->second->clients == service.clients) {
            change.filters.insert(*present);
            continue;
        }
        const auto free = std::ranges::find(used, false);
        if (free == used.end())
            return fail("filter the clients of {}: all {} filters are in use", service.name, used.size() - 1);
        *free = true;
        const auto number = static_cast<std::uint16_t>(free - used.begin());
        const auto prefixes =
            std::make_shared<const std::vector<datapath::ClientPrefix>>(prefixes_of(service.clients));
        if (auto added = datapath::add_client_filter(maps_, number, *prefixes); !added)
            return added;
        change.filters[service.name] = {number, prefixes};
    }
    return {};
}

std::vector<ServiceChange> Reconciler::changed_services(const Change& change) const {
    std::vector<ServiceChange> changes;
    for (const auto& service : change.desired->services) {
        const auto before = services_.find(service.name);
        if (before == services_.end() || *before->second != service || !has_its_name(service))
            changes.push_back({&service, {}, nullptr, {}, {}});
    }
    std::atomic<std::size_t> kept = kept_bytes_;
    in_parallel(changes.size(), [&](std::size_t i) {
        auto& changed = changes[i];
        const auto present = tables_.find(changed.service->name);
        if (present != tables_.end() && present->second->has_members(changed.service->backends))
            return;
        compute_table(changed, change.numbering.services.at(changed.service->name));
        if ((kept += changed.table->footprint()) > kKeptBytesAtMost)
            changed.table = nullptr;
    });
    return changes;
}

/// In the kernel, too.
bool Reconciler::has_its_name(const DesiredService& service) const {
    const auto numbers = numbering_.services.find(service.name);
    return numbers != numbering_.services.end() && maps_.service(numbers->second.number).name == service.name;
}

void Reconciler::compute_table(ServiceChange& change, const ServiceNumbers& numbers) const {
    const auto& backends = change.service->backends;
    change.table = std::make_shared<ServiceTable>(backends, numbers);
    change.slots = change.table->slots();
    change.facts = facts_of(*change.table, change.slots);
    if (earlier_flows_ == EarlierFlows::kUnknown)
        change.draining = change.table->draining(backends);
}

/// Should a dead backend come back, flows that its stand-ins could not record must not go to it. A counter
/// that cannot be read now is read by the next sweep.
void Reconciler::note_refusals(TimePoint now) {
    static_cast<void>(lives_.note_refusals(now));
}

void Reconciler::commit(Change change, const NextHopOf& next_hop_of, TimePoint now) {
    note_refusals(now);
    for (auto& service : change.services)
        store_service(service, change.numbering.services.at(service.service->name),
                      number_in(change.filters, service.service->name), next_hop_of, now);
    datapath::publish_listeners(maps_, *change.listeners);
    listeners_ = std::move(change.listeners);
    retire(change.numbering);
    remember_leaving(change.numbering);
    numbering_ = std::move(change.numbering);
    filters_ = std::move(change.filters);
    state_ = std::move(change.desired);
    earlier_flows_ = EarlierFlows::kRecorded;
    services_.clear();
    for (auto& service : state_->services)
        services_[service.name] = &service;
    for (auto kept = tables_.begin(); kept != tables_.end();) {
        const auto& [name, table] = *kept++;
        if (!services_.contains(name))
            forget(name);
    }
}

Result<void> Reconciler::apply(DesiredState desired, const NextHopOf& next_hop_of, TimePoint now) {
    auto change = prepare(std::move(desired));
    if (!change)
        return std::unexpected(change.error());
    commit(std::move(*change), next_hop_of, now);
    return {};
}

std::vector<std::uint16_t> Reconciler::adjust(const std::map<BackendId, Condition>& conditions,
                                              const NextHopOf& next_hop_of, TimePoint now,
                                              std::chrono::nanoseconds at_most) {
    if (!conditions.empty())
        note_refusals(now);
    std::set<DesiredService*> adjusted;
    for (const auto& [id, condition] : conditions) {
        const auto service = services_.find(id.service);
        if (service == services_.end())
            continue;
        auto& backends = service->second->backends;
        const auto backend = find_backend(backends, id.address);
        if (backend == backends.end() || backend->condition == condition)
            continue;
        backend->condition = condition;
        store_backend(*backend, numbering_.services.at(id.service), next_hop_of);
        adjusted.insert(service->second);
    }
    for (const auto* service : adjusted)
        lives_.of(numbering_.services.at(service->name).number).refresh_hops(now);
    std::vector<std::uint16_t> moved;
    for (auto* service : adjusted) {
        const auto cost = change_cost(*service);
        if (cost > at_most) {
            postponed_.insert(service->name);
            continue;
        }
        at_most -= cost;
        const auto& numbers = numbering_.services.at(service->name);
        change_slots(*service, numbers, lives_.of(numbers.number), now);
        moved.push_back(numbers.number);
    }
    return moved;
}

/// A table that is not kept is built first, for milliseconds.
std::chrono::nanoseconds Reconciler::change_cost(const DesiredService& service) const {
    constexpr std::chrono::milliseconds kToBuild{10};
    const auto kept = tables_.find(service.name);
    return kept == tables_.end() ? kToBuild : kept->second->change_cost(service.backends);
}

/// A few, so that the next failure does not wait for all of them. A reload may have come in between: it has
/// moved the slots itself, and the numbers may be others.
void Reconciler::begin_postponed() {
    constexpr std::size_t kAtATime = 8;
    while (!postponed_.empty() && computing_.size() < kAtATime) {
        const auto name = postponed_.extract(postponed_.begin()).value();
        const auto service = services_.find(name);
        if (service == services_.end())
            continue;
        const auto kept = tables_.find(name);
        computing_.push_back({.service = service->second,
                              .numbers = numbering_.services.at(name),
                              .table = kept != tables_.end() ? kept->second : nullptr,
                              .built = nullptr,
                              .moves = {}});
    }
}

void Reconciler::compute_postponed() {
    for (auto& change : computing_) {
        if (change.table)
            change.moves = change.table->change(change.service->backends);
        else
            change.built = std::make_shared<ServiceTable>(change.service->backends, change.numbers);
    }
}

std::vector<std::uint16_t> Reconciler::store_postponed(TimePoint now) {
    std::vector<std::uint16_t> moved;
    for (auto& change : std::exchange(computing_, {})) {
        if (change.moves.empty() && !change.built)
            continue;
        moved.push_back(change.numbers.number);
        auto& life = lives_.of(change.numbers.number);
        for (const auto& [slot, number] : change.moves)
            life.move(slot, number, now);
        if (change.built)
            take_table(change.service->name, std::move(change.built), life, now);
    }
    return moved;
}

std::vector<Reconciler::Remembered> Reconciler::histories() {
    std::vector<Remembered> histories;
    for (const auto& service : state_->services) {
        auto& life = lives_.of(numbering_.services.at(service.name).number);
        if (life.names_former_owners())
            histories.push_back({&service, &life});
    }
    return histories;
}

void Reconciler::refresh_next_hops(const NextHopOf& next_hop_of) {
    for (const auto& service : state_->services) {
        const auto& numbers = numbering_.services.at(service.name);
        for (const auto& backend : service.backends)
            control::store_backend(maps_.backend(numbers.index_of(backend.member.address)),
                                   backend_entry(backend, next_hop_of(backend)));
    }
    for (const auto& [id, backend] : leaving_) {
        auto& element = maps_.backend(numbering_.services.at(id.service).index_of(id.address));
        const auto next_hop = next_hop_of(backend);
        auto entry = element;
        if (next_hop)
            set_next_hop(entry, *next_hop);
        control::store_backend(element, entry);
    }
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
            done = datapath::clear_service_counters(maps_, numbers.number);
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
/// then the slots that lead to them. To a new service no packet comes yet.
void Reconciler::store_service(ServiceChange& change, const ServiceNumbers& numbers, std::uint16_t filter,
                               const NextHopOf& next_hop_of, TimePoint now) {
    const auto& service = *change.service;
    const auto before = numbering_.services.find(service.name);
    const bool known = before != numbering_.services.end();
    const auto entry = service_entry(service, numbers, filter);
    if (!known)
        store_words(maps_.service(numbers.number), entry);
    auto& life = lives_.configure(numbers.number, service.tracking_settings, now);
    if (!known || before->second.region != numbers.region)
        clear_leftovers(numbers);
    if (known && before->second.region != numbers.region)
        move_retired_backends(before->second, numbers);
    for (const auto& backend : service.backends)
        store_backend(backend, numbers, next_hop_of);
    store_words(maps_.service(numbers.number), entry);
    life.refresh_hops(now);

    if (change.slots.empty()) {
        change_slots(service, numbers, life, now);
        return;
    }
    for (std::uint32_t slot = 0; slot < change.slots.size(); ++slot)
        life.move(slot, change.slots[slot], now);
    for (const auto& [slot, number] : change.draining)
        life.learn(slot, number, now);
    forget(service.name);
    if (change.table)
        keep(service.name, std::move(change.table));
}

/// Before its slots move: of a backend that is given up then, no flow is waited for; one that comes back is
/// alive when its slots lead to it.
void Reconciler::store_backend(const DesiredBackend& backend, const ServiceNumbers& numbers,
                               const NextHopOf& next_hop_of) {
    control::store_backend(maps_.backend(numbers.index_of(backend.member.address)),
                           backend_entry(backend, next_hop_of(backend)));
}

void Reconciler::change_slots(const DesiredService& service, const ServiceNumbers& numbers, SlotLife& life,
                              TimePoint now) {
    const auto kept = tables_.find(service.name);
    if (kept != tables_.end()) {
        for (const auto& [slot, number] : kept->second->change(service.backends))
            life.move(slot, number, now);
        return;
    }
    take_table(service.name, std::make_shared<ServiceTable>(service.backends, numbers), life, now);
}

void Reconciler::take_table(const std::string& service, std::shared_ptr<ServiceTable> table, SlotLife& life,
                            TimePoint now) {
    const auto slots = table->slots();
    for (std::uint32_t slot = 0; slot < slots.size(); ++slot)
        life.move(slot, slots[slot], now);
    if (kept_bytes_ + table->footprint() <= kKeptBytesAtMost)
        keep(service, std::move(table));
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
            control::store_backend(maps_.backend(numbers.region.first + local), {});
    }
}

}  // namespace guideway::control
