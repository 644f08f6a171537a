// SPDX-License-Identifier: Apache-2.0
#include "control/service_table.hpp"

#include <algorithm>
#include <map>
#include <memory>

namespace guideway::control {

namespace {
std::vector<maglev::Member> members_of(const std::vector<DesiredBackend>& backends) {
    std::vector<maglev::Member> members;
    for (const auto& backend : backends)
        members.push_back(backend.member);
    return members;
}

/// In the order of the base table's members.
std::vector<maglev::Availability> availabilities_of(const maglev::BaseTable& base,
                                                    const std::vector<DesiredBackend>& backends) {
    std::map<IpAddress, maglev::Availability> reduced;
    for (const auto& backend : backends) {
        if (backend.condition.availability != maglev::kFull)
            reduced[backend.member.address] = backend.condition.availability;
    }
    std::vector<maglev::Availability> availabilities;
    for (const auto& member : base.members()) {
        const auto found = reduced.find(member.address);
        availabilities.push_back(found == reduced.end() ? maglev::kFull : found->second);
    }
    return availabilities;
}
}  // namespace

maglev::ServingTable serving_table_of(const std::vector<DesiredBackend>& backends, std::uint32_t table_size) {
    auto base =
        std::make_shared<const maglev::BaseTable>(maglev::BaseTable::build(members_of(backends), table_size));
    maglev::ServingTable serving(base);
    static_cast<void>(serving.update(availabilities_of(*base, backends)));
    return serving;
}

ServiceTable::ServiceTable(const std::vector<DesiredBackend>& backends, const ServiceNumbers& numbers)
    : serving_(serving_table_of(backends, numbers.table_size)) {
    const auto members = serving_.base().members();
    std::map<IpAddress, std::uint16_t> index;
    for (std::size_t i = 0; i < members.size(); ++i) {
        index[members[i].address] = static_cast<std::uint16_t>(i);
        numbers_.push_back(numbers.find(members[i].address)->number);
    }
    for (const auto& backend : backends)
        members_of_.push_back(index.at(backend.member.address));
}

std::size_t ServiceTable::footprint() const {
    constexpr std::size_t kBytesPerSlot = 2 * sizeof(std::uint16_t) + sizeof(std::uint32_t);
    constexpr std::size_t kBytesPerMember = 128;
    return serving_.base().size() * kBytesPerSlot + members_of_.size() * kBytesPerMember;
}

bool ServiceTable::has_members(const std::vector<DesiredBackend>& backends) const {
    if (backends.size() != members_of_.size())
        return false;
    for (std::size_t i = 0; i < backends.size(); ++i) {
        if (backends[i].member != serving_.base().members()[members_of_[i]])
            return false;
    }
    return true;
}

std::vector<maglev::Availability> ServiceTable::availabilities(
    const std::vector<DesiredBackend>& backends) const {
    std::vector<maglev::Availability> availabilities(backends.size());
    for (std::size_t i = 0; i < backends.size(); ++i)
        availabilities[members_of_[i]] = backends[i].condition.availability;
    return availabilities;
}

std::chrono::nanoseconds ServiceTable::change_cost(const std::vector<DesiredBackend>& backends) const {
    return serving_.update_cost(availabilities(backends));
}

std::vector<ServiceTable::Move> ServiceTable::change(const std::vector<DesiredBackend>& backends) {
    std::vector<Move> moves;
    for (const auto& [slot, owner] : serving_.update(availabilities(backends)))
        moves.push_back({slot, number_of(owner)});
    return moves;
}

std::vector<ServiceTable::Move> ServiceTable::draining(const std::vector<DesiredBackend>& backends) const {
    std::vector<Move> slots;
    for (std::size_t i = 0; i < backends.size(); ++i) {
        if (!backends[i].condition.drains())
            continue;
        const std::uint16_t member = members_of_[i];
        for (const std::uint32_t slot : serving_.base().slots_of(member))
            slots.push_back({slot, numbers_[member]});
    }
    return slots;
}

std::vector<std::uint16_t> ServiceTable::slots() const {
    std::vector<std::uint16_t> slots;
    slots.reserve(serving_.owners().size());
    for (const std::uint16_t owner : serving_.owners())
        slots.push_back(number_of(owner));
    return slots;
}

}  // namespace guideway::control
