// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "health/judgement.hpp"
#include "util/ip_address.hpp"

namespace guideway::health {

struct PoolRules {
    unsigned panic_threshold_percent = 50;
    unsigned max_move_percent = 50;
    config::Duration interval{1000};
};

/// A backend as the pool begins with it.
struct PoolMember {
    IpAddress backend;
    std::uint32_t weight = 0;
    State last_known = State::kUnknown;  ///< only looked at where the backend is new
};

/// Decides which backends of a service serve, from what they are judged to be; pure, the caller brings the
/// clock.
/// - Unknown backends serve until every backend of the service was judged once (warm-up): there is nothing
///   better to go by. What is added to a warm service serves once it is judged to be up.
/// - Panic: with less of the known weight up than the threshold, all serve. It ends when enough is up, with
///   something to spare or for some time.
/// - In one interval judgements move at most so much of the weight, but always one backend. Panic itself is
///   not bounded.
class Pool {
  public:
    explicit Pool(const PoolRules& rules) : rules_(rules) {}

    /// Whoever stays keeps what is known of him.
    void set_members(const PoolRules& rules, std::span<const PoolMember> members);
    void judge(const IpAddress& backend, State state, bool judged);
    void set_weight(const IpAddress& backend, std::uint32_t weight);

    /// Brings who serves in line with what is known, and returns whose serving changed.
    [[nodiscard]] std::vector<IpAddress> settle(Moment now);
    /// When settle() has something to do even if nothing is judged until then.
    [[nodiscard]] std::optional<Moment> next_settle() const { return next_settle_; }

    [[nodiscard]] bool serves(const IpAddress& backend) const;
    [[nodiscard]] bool panic() const { return panic_; }
    [[nodiscard]] bool warmed_up() const { return warmed_up_; }

  private:
    struct Member {
        IpAddress backend;
        std::uint32_t weight = 0;
        State state = State::kUnknown;
        bool judged = false;
        bool serves = true;
    };

    void update_warm_up();
    [[nodiscard]] bool update_panic(Moment now);
    [[nodiscard]] bool target(const Member& member) const;
    void move(bool up, std::uint64_t most, std::vector<IpAddress>& changed);

    PoolRules rules_;
    std::vector<Member> members_;
    std::unordered_map<IpAddress, std::size_t> places_;
    bool warmed_up_ = false;
    bool panic_ = false;
    bool nobody_known_ = true;
    std::optional<Moment> enough_since_;  ///< in panic: since when the threshold is reached again
    Moment window_start_{};
    std::uint64_t moved_ = 0;  ///< weight, in the window
    bool anyone_moved_ = false;
    std::optional<Moment> next_settle_;
};

}  // namespace guideway::health
