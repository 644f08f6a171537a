// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "control/renames.hpp"
#include "control/slot_life.hpp"
#include "maglev/serving_table.hpp"
#include "util/result.hpp"

namespace guideway::control {

/// A backend of a service.
struct BackendId {
    std::string service;
    IpAddress address;

    auto operator<=>(const BackendId&) const = default;
};

/// How much of its share a backend of a service gets, and whether it keeps the flows it has: two facts, since
/// one that failed its checks gets no new flows at once, and keeps those that it has until it is dead.
struct Condition {
    maglev::Availability availability = maglev::kFull;
    bool alive = true;
    config::BackendState state = config::BackendState::kUp;  ///< down also if it failed its checks

    [[nodiscard]] bool drains() const { return availability == 0 && alive; }

    bool operator==(const Condition&) const = default;
};

/// Of a backend that is in this state and has been for long.
[[nodiscard]] Condition condition_in_state(config::BackendState state);

/// What operators said by hand, beside the configuration.
struct Overrides {
    std::set<BackendId> drained;   ///< keep the flows they have, get no new ones
    std::set<BackendId> disabled;  ///< as if their checks had failed
    bool withdrawn = false;        ///< no VIP is announced

    bool operator==(const Overrides&) const = default;
};

/// How a backend begins to serve again.
enum class ComesUp : std::uint8_t {
    kSlowly,  ///< as the service's slow start has it
    kAtOnce
};

/// The condition of every configured backend: a pure function of configuration, overrides, health and the
/// time since each came up (slow start: in at most 32 steps). Time is given, never read. It keeps the
/// configured states, and of those that are not simply up what else there is.
class Conditions {
  public:
    /// What was there before and is no longer configured is forgotten. A backend that is new in a service
    /// that is not comes up slowly.
    void configure(const config::Config& config, TimePoint now);

    /// What is known of services goes on under other names.
    void rename(const Renames& renames);

    /// All backends of that name or address, in one service or in all. Errors: there are none.
    [[nodiscard]] Result<std::vector<BackendId>> find(const std::string& backend,
                                                      const std::optional<std::string>& service) const;

    [[nodiscard]] const Overrides& overrides() const { return overrides_; }
    /// Of backends that are configured; others are passed over.
    void set_overrides(Overrides overrides, TimePoint now);

    /// Those that health has not serve; also of backends that are not configured yet.
    [[nodiscard]] const std::set<BackendId>& failed() const { return failed_; }
    void set_failed(const BackendId& backend, TimePoint now);
    /// It serves, and so is not dead.
    void clear_failed(const BackendId& backend, ComesUp how, TimePoint now);
    /// One that failed is given up: it keeps its flows only with `on_down: keep`.
    void set_dead(const BackendId& backend);
    [[nodiscard]] bool is_dead(const BackendId& backend) const { return dead_.contains(backend); }

    /// Has a backend go on with a slow start that an earlier agent began.
    void resume(const BackendId& backend, maglev::Availability reached, TimePoint now);

    [[nodiscard]] Condition at(const BackendId& backend, TimePoint now) const;
    /// As configured or as said by hand, whatever its health; down if it is not configured.
    [[nodiscard]] config::BackendState ordered_state(const BackendId& backend) const;

    /// The conditions that may have changed since this was asked last, other than by configure().
    [[nodiscard]] std::map<BackendId, Condition> changed(TimePoint now);
    /// When the next step of a slow start is due, if any is under way.
    [[nodiscard]] std::optional<TimePoint> next_step(TimePoint now) const;

  private:
    struct Backend {
        IpAddress address;
        std::string name;
        config::BackendState state = config::BackendState::kUp;
    };
    struct Service {
        SteadyClock::duration slow_start{0};
        bool on_down_keep = false;
        std::vector<Backend> backends;  ///< sorted by address

        [[nodiscard]] const Backend* find(const IpAddress& address) const;
    };

    [[nodiscard]] const Service* service_of(const BackendId& backend) const;
    [[nodiscard]] const Backend* find(const BackendId& backend) const;
    /// The same, and down if it failed.
    [[nodiscard]] config::BackendState state_of(const BackendId& backend) const;
    void begin_slow_start(const BackendId& backend, TimePoint now);
    void note(const BackendId& backend, config::BackendState before, ComesUp how, TimePoint now);

    std::map<std::string, Service> services_;
    Overrides overrides_;
    std::set<BackendId> failed_;
    std::set<BackendId> dead_;                 ///< of the failed ones
    std::map<BackendId, TimePoint> up_since_;  ///< of slow starts that are under way
    std::set<BackendId> touched_;
};

}  // namespace guideway::control
