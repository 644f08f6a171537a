// SPDX-License-Identifier: Apache-2.0
#include "control/service_table.hpp"

#include <algorithm>
#include <atomic>
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
    std::map<IpAddress, maglev::Availability> by_address;
    for (const auto& backend : backends)
        by_address[backend.member.address] = backend.availability;
    std::vector<maglev::Availability> availabilities;
    for (const auto& member : base.members())
        availabilities.push_back(by_address.at(member.address));
    return availabilities;
}

bool same_members(const maglev::BaseTable& base, const std::vector<DesiredBackend>& backends) {
    const auto in_base = [&](const DesiredBackend& backend) {
        return std::ranges::find(base.members(), backend.member) != base.members().end();
    };
    return base.members().size() == backends.size() && std::ranges::all_of(backends, in_base);
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

void ServiceTable::update(const std::vector<DesiredBackend>& backends) {
    if (same_members(serving_.base(), backends))
        static_cast<void>(serving_.update(availabilities_of(serving_.base(), backends)));
    else
        serving_ = serving_table_of(backends, serving_.base().size());
}

void ServiceTable::store(const ServiceNumbers& numbers, std::span<std::uint16_t> slots) const {
    std::vector<std::uint16_t> number_of;
    for (const auto& member : serving_.base().members())
        number_of.push_back(numbers.backends.at(member.address).number);
    const auto owners = serving_.owners();
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        const std::uint16_t wanted = owners[slot] == maglev::kNobody ? 0 : number_of[owners[slot]];
        const std::atomic_ref stored(slots[slot]);
        if (stored.load(std::memory_order_relaxed) != wanted)
            stored.store(wanted, std::memory_order_release);
    }
}

}  // namespace guideway::control
