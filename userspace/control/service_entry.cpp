// SPDX-License-Identifier: Apache-2.0
#include "control/service_entry.hpp"

#include <algorithm>
#include <cstring>

namespace guideway::control {

namespace {
std::uint16_t flags_of(const DesiredService& service) {
    unsigned flags = 0;
    if (service.affinity_client)
        flags |= abi::SERVICE_AFFINITY_CLIENT;
    if (service.encapsulation == config::Encapsulation::kGre)
        flags |= abi::SERVICE_GRE;
    if (service.encapsulation == config::Encapsulation::kGue)
        flags |= abi::SERVICE_GUE;
    if (service.tracking_settings.second_chance)
        flags |= service.tracking_settings.max_hops << abi::SERVICE_MAX_HOPS_SHIFT;
    return static_cast<std::uint16_t>(flags);
}
}  // namespace

abi::service service_entry(const DesiredService& service, const ServiceNumbers& numbers,
                           std::uint16_t filter) {
    abi::service entry{};
    entry.first_backend = numbers.region.first;
    entry.backend_capacity = numbers.region.capacity;
    entry.first_page = numbers.pages.first;
    entry.table_size = numbers.table_size;
    entry.flags = flags_of(service);
    entry.filter = filter;
    std::ranges::copy(service.tracking, entry.tracking);
    std::strncpy(entry.name, service.name.c_str(), sizeof(entry.name) - 1);
    return entry;
}

}  // namespace guideway::control
