// SPDX-License-Identifier: Apache-2.0
#include "agent/recall.hpp"

#include <spdlog/spdlog.h>

#include "control/renamed_services.hpp"

namespace guideway::agent {

namespace {
control::Overrides renamed(control::Overrides overrides, const control::Renames& renames) {
    control::rename_services(overrides.drained, renames);
    control::rename_services(overrides.disabled, renames);
    return overrides;
}

/// As an earlier agent left it; null if it had no such backend.
const abi::backend* entry_in_kernel(const control::BackendId& backend, const control::Numbering& numbering,
                                    const datapath::Maps& maps) {
    const auto service = numbering.services.find(backend.service);
    if (service == numbering.services.end() || service->second.find(backend.address) == nullptr)
        return nullptr;
    return &maps.backend(service->second.index_of(backend.address));
}
}  // namespace

control::Renames recall_conditions(const config::Config& config, const datapath::Maps& maps,
                                   const OverridesFile& file, control::Reconciler& reconciler,
                                   control::Conditions& conditions) {
    const auto now = control::SteadyClock::now();
    const auto renames = control::renamed_since(maps, reconciler.numbering(), config);
    reconciler.rename(renames);
    conditions.configure(config, now);
    if (auto overrides = file.read())
        conditions.set_overrides(renamed(std::move(*overrides), renames), now);
    else
        spdlog::error("{}; nothing is taken to be drained, disabled or withdrawn by hand",
                      overrides.error().message);
    for (const auto& [name, service] : reconciler.numbering().services) {
        for (const auto& backend : service.backends) {
            const auto& entry = maps.backend(service.region.first + backend.number);
            conditions.resume({name, backend.address}, entry.availability, now);
        }
    }
    return renames;
}

Result<void> recall_health(const config::Config& config, const datapath::Maps& maps, const HealthFile& file,
                           const control::Reconciler& reconciler, const control::Renames& renames,
                           control::Conditions& conditions, HealthWatch& health) {
    auto known = file.read();
    if (known)
        control::rename_services(*known, renames);
    if (!known) {
        spdlog::error("{}; who was flapping is not held down", known.error().message);
        known = Knowledge{};
    }
    return health.follow(config, [&](const control::BackendId& backend) {
        const auto* entry = entry_in_kernel(backend, reconciler.numbering(), maps);
        auto last = (*known)[backend];
        if (last.state != health::State::kDown)
            last.state =
                entry != nullptr && entry->availability > 0 ? health::State::kUp : health::State::kUnknown;
        if (entry != nullptr && (entry->flags & abi::BACKEND_ALIVE) == 0)
            conditions.set_dead(backend);
        return last;
    });
}

}  // namespace guideway::agent
