// SPDX-License-Identifier: Apache-2.0
#include "control/service_table.hpp"

#include <algorithm>
#include <atomic>
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
        if (backend.availability != maglev::kFull)
            reduced[backend.member.address] = backend.availability;
    }
    std::vector<maglev::Availability> availabilities;
    for (const auto& member : base.members()) {
        const auto found = reduced.find(member.address);
        availabilities.push_back(found == reduced.end() ? maglev::kFull : found->second);
    }
    return availabilities;
}

/// In place, while packets read: any mix of old and new slots is a valid table.
void store_slot(std::uint16_t& slot, std::uint16_t number) {
    const std::atomic_ref stored(slot);
    if (stored.load(std::memory_order_relaxed) != number)
        stored.store(number, std::memory_order_release);
}
}  // namespace

maglev::ServingTable serving_table_of(const std::vector<DesiredBackend>& backends, std::uint32_t table_size) {
    auto base =
        std::make_shared<const maglev::BaseTable>(maglev::BaseTable::build(members_of(backends), table_size));
    maglev::ServingTable serving(base);
    static_cast<void>(serving.update(availabilities_of(*base, backends)));
    return serving;
}

ServiceTable::ServiceTable(const std::vector<DesiredBackend>& backends, std::uint32_t table_size)
    : serving_(serving_table_of(backends, table_size)) {}

std::size_t ServiceTable::footprint() const {
    constexpr std::size_t kBytesPerSlot = 2 * sizeof(std::uint16_t) + sizeof(std::uint32_t);
    constexpr std::size_t kBytesPerMember = 128;
    return serving_.base().size() * kBytesPerSlot + serving_.base().members().size() * kBytesPerMember;
}

bool ServiceTable::has_members(const std::vector<DesiredBackend>& backends) const {
    auto wanted = members_of(backends);
    const auto present = serving_.base().members();
    std::vector<maglev::Member> members(present.begin(), present.end());
    std::ranges::sort(wanted, {}, &maglev::Member::address);
    std::ranges::sort(members, {}, &maglev::Member::address);
    return wanted == members;
}

void ServiceTable::change(const std::vector<DesiredBackend>& backends, const ServiceNumbers& numbers,
                          std::span<std::uint16_t> slots) {
    const auto number_of = numbers_by_member(numbers);
    for (const auto& [slot, owner] : serving_.update(availabilities_of(serving_.base(), backends)))
        store_slot(slots[slot], owner == maglev::kNobody ? 0 : number_of[owner]);
}

void ServiceTable::store(const ServiceNumbers& numbers, std::span<std::uint16_t> slots) const {
    const auto number_of = numbers_by_member(numbers);
    const auto owners = serving_.owners();
    for (std::size_t slot = 0; slot < slots.size(); ++slot)
        store_slot(slots[slot], owners[slot] == maglev::kNobody ? 0 : number_of[owners[slot]]);
}

std::vector<std::uint16_t> ServiceTable::numbers_by_member(const ServiceNumbers& numbers) const {
    std::vector<std::uint16_t> number_of;
    for (const auto& member : serving_.base().members())
        number_of.push_back(numbers.find(member.address)->number);
    return number_of;
}

}  // namespace guideway::control
