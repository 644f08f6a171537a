// SPDX-License-Identifier: Apache-2.0
#include "control/conditions.hpp"

#include <algorithm>

namespace guideway::control {

namespace {
using config::BackendState;

constexpr int kSlowStartSteps = 32;
constexpr maglev::Availability kStep = maglev::kFull / kSlowStartSteps;

/// How many steps a slow start has taken; the first is taken at once.
int steps_taken(SteadyClock::duration since, SteadyClock::duration slow_start) {
    if (since >= slow_start)
        return kSlowStartSteps;
    return std::min<int>(kSlowStartSteps, static_cast<int>(kSlowStartSteps * since / slow_start) + 1);
}

std::set<BackendId> joined(const std::set<BackendId>& a, const std::set<BackendId>& b) {
    auto both = a;
    both.insert(b.begin(), b.end());
    return both;
}
}  // namespace

Condition condition_in_state(BackendState state) {
    return {.availability = state == BackendState::kUp ? maglev::kFull : maglev::Availability{0},
            .alive = state != BackendState::kDown,
            .state = state};
}

void Conditions::configure(const config::Config& config, TimePoint now) {
    Conditions before = *this;
    services_.clear();
    for (const auto& service : config.services) {
        auto& known = services_[service.name];
        known.slow_start = service.slow_start;
        known.on_down_keep = service.on_down == config::OnDown::kKeep;
        for (const auto& backend : service.backends)
            known.backends.push_back({backend.address, backend.name, backend.state});
        std::ranges::sort(known.backends, {}, &Backend::address);
    }
    const auto gone = [&](const BackendId& backend) { return find(backend) == nullptr; };
    std::erase_if(overrides_.drained, gone);
    std::erase_if(overrides_.disabled, gone);
    std::erase_if(failed_, gone);
    std::erase_if(dead_, gone);
    std::erase_if(up_since_, [&](const auto& entry) { return state_of(entry.first) != BackendState::kUp; });
    for (const auto& [name, service] : services_) {
        if (service.slow_start == SteadyClock::duration::zero() || !before.services_.contains(name))
            continue;
        for (const auto& backend : service.backends) {
            const BackendId id{name, backend.address};
            if (before.state_of(id) != BackendState::kUp)
                begin_slow_start(id, now);
        }
    }
}

void Conditions::rename(const Renames& renames) {
    rename_keys(services_, renames);
    rename_services(overrides_.drained, renames);
    rename_services(overrides_.disabled, renames);
    rename_services(failed_, renames);
    rename_services(dead_, renames);
    rename_services(up_since_, renames);
    rename_services(touched_, renames);
}

Result<std::vector<BackendId>> Conditions::find(const std::string& backend,
                                                const std::optional<std::string>& service) const {
    const auto address = IpAddress::parse(backend);
    std::vector<BackendId> found;
    for (const auto& [name, known] : services_) {
        if (service && name != *service)
            continue;
        for (const auto& each : known.backends) {
            if (each.name == backend || (address && each.address == *address))
                found.push_back({name, each.address});
        }
    }
    if (!found.empty())
        return found;
    if (service)
        return fail("service '{}' has no backend '{}'; `guideway backends` lists them", *service, backend);
    return fail("no service has a backend '{}'; `guideway backends` lists them", backend);
}

void Conditions::set_overrides(Overrides overrides, TimePoint now) {
    const auto unknown = [&](const BackendId& backend) { return find(backend) == nullptr; };
    std::erase_if(overrides.drained, unknown);
    std::erase_if(overrides.disabled, unknown);
    const auto concerned = joined(joined(overrides_.drained, overrides_.disabled),
                                  joined(overrides.drained, overrides.disabled));
    std::map<BackendId, BackendState> before;
    for (const auto& backend : concerned)
        before[backend] = state_of(backend);
    overrides_ = std::move(overrides);
    for (const auto& [backend, state] : before)
        note(backend, state, ComesUp::kSlowly, now);
}

void Conditions::set_failed(const BackendId& backend, TimePoint now) {
    const auto before = state_of(backend);
    if (failed_.insert(backend).second)
        note(backend, before, ComesUp::kSlowly, now);
}

void Conditions::set_dead(const BackendId& backend) {
    if (dead_.insert(backend).second)
        touched_.insert(backend);
}

void Conditions::clear_failed(const BackendId& backend, ComesUp how, TimePoint now) {
    const auto before = state_of(backend);
    if (dead_.erase(backend) > 0)
        touched_.insert(backend);
    if (failed_.erase(backend) > 0)
        note(backend, before, how, now);
}

void Conditions::note(const BackendId& backend, BackendState before, ComesUp how, TimePoint now) {
    touched_.insert(backend);
    if (state_of(backend) != BackendState::kUp)
        up_since_.erase(backend);
    else if (before != BackendState::kUp && how == ComesUp::kSlowly)
        begin_slow_start(backend, now);
}

void Conditions::begin_slow_start(const BackendId& backend, TimePoint now) {
    if (state_of(backend) == BackendState::kUp &&
        service_of(backend)->slow_start > SteadyClock::duration::zero())
        up_since_[backend] = now;
}

void Conditions::resume(const BackendId& backend, maglev::Availability reached, TimePoint now) {
    if (reached == 0 || reached >= maglev::kFull || state_of(backend) != BackendState::kUp)
        return;
    up_since_[backend] = now - service_of(backend)->slow_start * (reached / kStep - 1) / kSlowStartSteps;
}

Condition Conditions::at(const BackendId& backend, TimePoint now) const {
    const auto* known = find(backend);
    if (known == nullptr)
        return {};
    Condition condition = condition_in_state(ordered_state(backend));
    const auto& service = *service_of(backend);
    if (condition.state == BackendState::kDown && known->state != BackendState::kDown)
        condition.alive = service.on_down_keep;
    if (failed_.contains(backend)) {
        condition.state = BackendState::kDown;
        condition.availability = 0;
        condition.alive = condition.alive && (service.on_down_keep || !dead_.contains(backend));
    }
    if (const auto up = up_since_.find(backend); up != up_since_.end())
        condition.availability =
            static_cast<maglev::Availability>(kStep * steps_taken(now - up->second, service.slow_start));
    return condition;
}

std::map<BackendId, Condition> Conditions::changed(TimePoint now) {
    std::map<BackendId, Condition> conditions;
    for (const auto& backend : touched_)
        conditions[backend] = at(backend, now);
    for (const auto& [backend, since] : up_since_)
        conditions[backend] = at(backend, now);
    touched_.clear();
    std::erase_if(up_since_, [&](const auto& entry) {
        return conditions.at(entry.first).availability == maglev::kFull;
    });
    return conditions;
}

std::optional<TimePoint> Conditions::next_step(TimePoint now) const {
    std::optional<TimePoint> next;
    for (const auto& [backend, since] : up_since_) {
        const auto slow_start = service_of(backend)->slow_start;
        const int steps = steps_taken(now - since, slow_start);
        if (steps == kSlowStartSteps)
            continue;
        const auto due = since + slow_start * steps / kSlowStartSteps;
        next = next ? std::min(*next, due) : due;
    }
    return next;
}

const Conditions::Backend* Conditions::Service::find(const IpAddress& address) const {
    const auto found = std::ranges::lower_bound(backends, address, {}, &Backend::address);
    return found == backends.end() || found->address != address ? nullptr : &*found;
}

const Conditions::Service* Conditions::service_of(const BackendId& backend) const {
    const auto service = services_.find(backend.service);
    return service == services_.end() ? nullptr : &service->second;
}

const Conditions::Backend* Conditions::find(const BackendId& backend) const {
    const auto* service = service_of(backend);
    return service == nullptr ? nullptr : service->find(backend.address);
}

BackendState Conditions::state_of(const BackendId& backend) const {
    return failed_.contains(backend) ? BackendState::kDown : ordered_state(backend);
}

BackendState Conditions::ordered_state(const BackendId& backend) const {
    const auto* known = find(backend);
    if (known == nullptr || known->state == BackendState::kDown || overrides_.disabled.contains(backend))
        return BackendState::kDown;
    if (known->state == BackendState::kDrain || overrides_.drained.contains(backend))
        return BackendState::kDrain;
    return BackendState::kUp;
}

}  // namespace guideway::control
