// SPDX-License-Identifier: Apache-2.0
/// How the reconciler lets go of what is no longer configured: numbers stay until nothing refers to them.
#include <algorithm>
#include <set>
#include <utility>

#include "control/backend_entry.hpp"
#include "control/reconciler.hpp"
#include "datapath/fragment_records.hpp"

namespace guideway::control {

/// A packet that read an old slot, and flows that have records, look for them in the new region.
void Reconciler::move_retired_backends(const ServiceNumbers& from, const ServiceNumbers& to) {
    for (const auto& backend : to.backends) {
        if (backend.retired)
            control::store_backend(maps_.backend(to.region.first + backend.number),
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
            entry.weight = 0;
            entry.availability = 0;
            control::store_backend(element, entry);
        }
        if (!numbers.retired)
            continue;
        lives_.forget(numbers.number);
        auto entry = maps_.service(numbers.number);
        entry.flags |= abi::SERVICE_RETIRED;
        store_words(maps_.service(numbers.number), entry);
    }
}

/// Who was retired before this agent came is known by his address alone.
void Reconciler::remember_leaving(const Numbering& next) {
    const auto before = std::exchange(leaving_, {});
    for (const auto& id : retired_in(next).backends) {
        DesiredBackend backend{{id.address, 0}, {}, {}, {}};
        if (const auto left = before.find(id); left != before.end())
            backend = left->second;
        if (const auto service = services_.find(id.service); service != services_.end()) {
            const auto found = find_backend(service->second->backends, id.address);
            backend = found != service->second->backends.end() ? *found : backend;
        }
        leaving_[id] = backend;
    }
}

std::vector<DesiredBackend> Reconciler::leaving() const {
    std::vector<DesiredBackend> backends;
    for (const auto& [id, backend] : leaving_)
        backends.push_back(backend);
    return backends;
}

bool Reconciler::needs_sweeps() const {
    return lives_.needs_sweeps() || is_moving();
}

bool Reconciler::is_moving() const {
    const auto retired = retired_in(numbering_);
    return lives_.is_moving() || !retired.services.empty() || !retired.backends.empty() ||
           !retired.regions.empty();
}

Result<void> Reconciler::begin_sweep(TimePoint now) {
    if (auto begun = lives_.begin_sweep(now); !begun)
        return begun;
    unused_ = retired_in(numbering_);
    std::erase_if(unused_.backends, [&](const BackendId& backend) {
        const auto& numbers = numbering_.services.at(backend.service);
        const auto* life = lives_.find(numbers.number);
        return life != nullptr && life->is_learning_of(numbers.find(backend.address)->number);
    });
    return {};
}

Result<void> Reconciler::sweep(std::span<const datapath::FlowEntry> entries) {
    return datapath::delete_flow_records(maps_, lives_.superfluous(entries));
}

void Reconciler::end_sweep() {
    lives_.end_sweep();
    std::erase_if(unused_.backends, [&](const BackendId& backend) {
        const auto& numbers = numbering_.services.at(backend.service);
        return lives_.flow_counts().contains({numbers.number, numbers.find(backend.address)->number});
    });
    if (forget_fragments())
        free_numbers();
    unused_ = {};
}

/// Where that fails, the numbers stay until the next pass.
bool Reconciler::forget_fragments() const {
    if (unused_.backends.empty() && unused_.services.empty())
        return true;
    std::set<std::uint16_t> services;
    std::set<std::pair<std::uint16_t, std::uint16_t>> backends;
    for (const auto& name : unused_.services)
        services.insert(numbering_.services.at(name).number);
    for (const auto& id : unused_.backends) {
        const auto& numbers = numbering_.services.at(id.service);
        backends.emplace(numbers.number, numbers.find(id.address)->number);
    }
    return datapath::delete_fragment_records(maps_,
                                             [&](std::uint16_t service, std::uint16_t backend) {
                                                 return services.contains(service) ||
                                                        backends.contains({service, backend});
                                             })
        .has_value();
}

void Reconciler::free_numbers() {
    for (const auto& id : unused_.backends) {
        const auto& numbers = numbering_.services.at(id.service);
        control::store_backend(maps_.backend(numbers.index_of(id.address)), {});
        leaving_.erase(id);
    }
    for (const auto& name : unused_.services) {
        const auto& numbers = numbering_.services.at(name);
        for (const auto& backend : numbers.backends)
            control::store_backend(maps_.backend(numbers.region.first + backend.number), {});
        std::ranges::fill(maps_.table(numbers.number), 0);
        std::ranges::fill(maps_.previous(numbers.number), 0);
        maps_.service(numbers.number) = {};
    }
    for (const Region& region : unused_.regions) {
        for (std::uint32_t local = 1; local <= region.capacity; ++local)
            control::store_backend(maps_.backend(region.first + local), {});
    }
    release(numbering_, unused_);
}

}  // namespace guideway::control
