// SPDX-License-Identifier: Apache-2.0
#include "control/slot_lives.hpp"

#include <algorithm>
#include <utility>

#include "datapath/counters.hpp"

namespace guideway::control {

namespace {
/// Some passes long.
constexpr std::chrono::seconds kOfLate{2};
}  // namespace

SlotLife& SlotLives::configure(std::uint16_t service, const TrackingSettings& settings, TimePoint now) {
    if (const auto known = lives_.find(service); known != lives_.end()) {
        name_former_owners(service, known->second, settings, now);
        known->second.configure(settings, now);
        return known->second;
    }
    const auto alive = [&maps = maps_, service](std::uint16_t backend) {
        const auto& entry = maps.service(service);
        return backend != 0 && backend <= entry.backend_capacity &&
               (maps.backend(entry.first_backend + backend).flags & abi::BACKEND_ALIVE) != 0;
    };
    if (const auto counters = datapath::service_counters(maps_, service))
        told_refusals_[service] = counters->refused_records;
    auto& life =
        lives_.try_emplace(service, maps_.table(service), maps_.previous(service), alive, settings, now)
            .first->second;
    name_former_owners(service, life, settings, now);
    return life;
}

/// The lists were provided when the change was prepared.
void SlotLives::name_former_owners(std::uint16_t service, SlotLife& life, const TrackingSettings& settings,
                                   TimePoint now) const {
    auto* chances = maps_.chances();
    if (!settings.second_chance || life.names_former_owners() || chances == nullptr)
        return;
    const auto is_ipv4 = [chances](datapath::HopNumber hop) { return chances->address_of(hop).is_v4(); };
    life.name_former_owners(SlotHistory(chances->lists(service), {settings.max_hops, settings.max_drain},
                                        is_ipv4, revision_, now),
                            hop_directory(service), now);
}

/// Entries are read where they are now: a region may move.
HopDirectory SlotLives::hop_directory(std::uint16_t service) const {
    const auto* maps = &maps_;
    const auto entry_of = [maps, service](std::uint16_t number) -> const abi::backend* {
        const auto& entry = maps->service(service);
        return number == 0 || number > entry.backend_capacity ? nullptr
                                                              : &maps->backend(entry.first_backend + number);
    };
    const auto hop_of = [maps, entry_of](std::uint16_t number) -> datapath::HopNumber {
        const auto* backend = entry_of(number);
        if (backend == nullptr || (backend->flags & abi::BACKEND_CONFIGURED) == 0)
            return 0;
        return maps->chances()->number_of(abi::from_abi(backend->address));
    };
    const auto numbers = [maps, service, hop_of] {
        std::map<datapath::HopNumber, std::uint16_t> by_hop;
        for (std::uint32_t number = 1; number <= maps->service(service).backend_capacity; ++number)
            by_hop.emplace(hop_of(static_cast<std::uint16_t>(number)), static_cast<std::uint16_t>(number));
        by_hop.erase(0);
        return by_hop;
    };
    const auto dead = [maps, service, entry_of, hop_of] {
        std::set<datapath::HopNumber> hops;
        for (std::uint32_t number = 1; number <= maps->service(service).backend_capacity; ++number) {
            const auto* backend = entry_of(static_cast<std::uint16_t>(number));
            if ((backend->flags & abi::BACKEND_CONFIGURED) != 0 && (backend->flags & abi::BACKEND_ALIVE) == 0)
                hops.insert(hop_of(static_cast<std::uint16_t>(number)));
        }
        return hops;
    };
    return {hop_of, numbers, dead};
}

const SlotLife* SlotLives::find(std::uint16_t service) const {
    const auto found = lives_.find(service);
    return found == lives_.end() ? nullptr : &found->second;
}

void SlotLives::forget(std::uint16_t service) {
    lives_.erase(service);
    refusals_.erase(service);
    refused_at_.erase(service);
    told_refusals_.erase(service);
    if (auto* chances = maps_.chances())
        chances->withdraw(service);
}

bool SlotLives::needs_sweeps() const {
    return std::ranges::any_of(lives_, [](const auto& entry) { return entry.second.needs_sweeps(); });
}

bool SlotLives::is_moving() const {
    return std::ranges::any_of(lives_, [](const auto& entry) { return entry.second.is_moving(); });
}

Result<void> SlotLives::begin_sweep(TimePoint now) {
    counting_.clear();
    found_ = 0;
    if (auto noted = note_refusals(now); !noted)
        return noted;
    for (auto& [service, life] : lives_) {
        life.advance(now);
        life.begin_sweep(now);
        // Packets that saw the service name former owners have been sent by now.
        if (auto* chances = maps_.chances(); chances != nullptr && !life.names_former_owners())
            chances->withdraw(service);
    }
    return {};
}

Result<void> SlotLives::note_refusals(TimePoint now) {
    bool room_is_short = false;
    refused_lately_ = 0;
    for (auto& [service, life] : lives_) {
        if (!life.needs_sweeps())
            continue;
        const auto counters = datapath::service_counters(maps_, service);
        if (!counters)
            return std::unexpected(counters.error());
        auto& seen = refusals_[service];
        if (counters->refused_records > seen) {
            life.records_refused(now);
            refused_at_[service] = now;
            room_is_short = true;
        }
        seen = counters->refused_records;
        refused_lately_ += seen - std::exchange(told_refusals_[service], seen);
    }
    if (!room_is_short)
        return {};
    for (auto& [service, life] : lives_)
        life.make_room(now);
    return {};
}

bool SlotLives::refuses_records(std::uint16_t service, TimePoint now) const {
    const auto refused = refused_at_.find(service);
    return refused != refused_at_.end() && now - refused->second < kOfLate;
}

std::vector<abi::flow_id> SlotLives::superfluous(std::span<const datapath::FlowEntry> entries) {
    std::vector<abi::flow_id> ids;
    found_ += entries.size();
    for (const auto& [id, record] : entries) {
        const auto life = lives_.find(id.service);
        if (life == lives_.end() || !life->second.keeps(record))
            ids.push_back(id);
        else
            ++counting_[{id.service, record.backend}];
    }
    return ids;
}

void SlotLives::end_sweep() {
    for (auto& [service, life] : lives_)
        life.end_sweep();
    counts_ = std::make_shared<const FlowCounts>(std::move(counting_));
    has_counted_ = true;
    counting_.clear();
}

}  // namespace guideway::control
