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
    config::Duration reset_after{5000};
};

/// A backend as the pool begins with it.
struct PoolMember {
    IpAddress backend;
    std::uint32_t weight = 0;
    State last_known = State::kUnknown;  ///< only looked at where the backend is new
};

/// Decides which backends of a service serve, from what they are judged to be, and which of the others are
/// dead: their established flows are given up. Pure, the caller brings the clock.
/// - While nothing is known of any backend, all serve. A backend of which nothing is known goes on as it
///   began: one that joins others that are known serves once it is judged to be up.
/// - Panic: with less of the known weight up than the threshold, all serve. It ends when enough is up, with
///   something to spare or for some time.
/// - In one interval judgements move at most so much of the weight, but always one backend. Panic itself is
///   not bounded.
/// - A backend that does not serve keeps its flows. It dies at a bad outcome of a probe that began
///   `reset_after` (at least two intervals) or more after the latest of these: it ceased to serve (at the end
///   of panic, say), or joined; its first bad outcome since a good one, or since a time without outcomes
///   (this host could not try, or did not run); somebody that is not down serves again after nobody did. None
///   dies while no other that is not down serves. One that serves again is not dead.
class Pool {
  public:
    explicit Pool(const PoolRules& rules) : rules_(rules) {}

    /// What is known of a backend that stays is kept.
    void set_members(const PoolRules& rules, std::span<const PoolMember> members, Moment now);
    void judge(const IpAddress& backend, State state);
    /// Warm-up does not wait for the backend's judgement any longer. True if it did.
    [[nodiscard]] bool excuse(const IpAddress& backend);
    /// The outcome of a probe, after judge() and settle(). True if the backend died of it.
    void good(const IpAddress& backend);
    [[nodiscard]] bool bad(const IpAddress& backend, Moment began, Moment now);
    /// What could not be tried: bad outcomes before and after it are not in a row.
    void not_tried(const IpAddress& backend);
    /// Flows cannot be recorded: new ones go to backends that do not serve until these die. They die after
    /// two intervals meanwhile.
    void set_hurry(bool hurry) { hurry_ = hurry; }
    void set_weight(const IpAddress& backend, std::uint32_t weight);

    /// Brings who serves in line with what is known, and returns whose serving changed.
    [[nodiscard]] std::vector<IpAddress> settle(Moment now);
    /// When settle() has something to do even if nothing is judged until then.
    [[nodiscard]] std::optional<Moment> next_settle() const { return next_settle_; }

    [[nodiscard]] bool serves(const IpAddress& backend) const;
    [[nodiscard]] bool is_dead(const IpAddress& backend) const;
    [[nodiscard]] bool panic() const { return panic_; }
    [[nodiscard]] bool warmed_up() const { return warmed_up_; }

  private:
    struct Member {
        IpAddress backend;
        std::uint32_t weight = 0;
        State state = State::kUnknown;
        bool awaited = true;  ///< warm-up lasts until it was judged
        bool serves = true;
        bool dead = false;
        Moment idle_since;                ///< it ceased to serve, or joined
        std::optional<Moment> bad_since;  ///< its first bad outcome of those in a row
        Moment bad_began{};               ///< when the probe of the latest one was sent
        bool in_a_row = true;             ///< nothing was left untried since that one
    };

    void update_warm_up();
    [[nodiscard]] bool update_panic(Moment now);
    [[nodiscard]] bool target(const Member& member) const;
    [[nodiscard]] bool others_serve(const Member& member) const;
    void set_serves(Member& member, bool serves, Moment now);
    void move(bool up, std::uint64_t most, Moment now, std::vector<IpAddress>& changed);
    [[nodiscard]] std::vector<IpAddress> all_serve(Moment now);
    void note_whether_anybody_serves(Moment now);

    PoolRules rules_;
    std::vector<Member> members_;
    std::unordered_map<IpAddress, std::size_t> places_;
    bool warmed_up_ = false;
    bool panic_ = false;
    bool nobody_known_ = true;
    bool hurry_ = false;
    std::optional<Moment> enough_since_;  ///< in panic: since when the threshold is reached again
    bool somebody_serves_ = false;
    Moment somebody_since_{};
    Moment window_start_{};
    std::uint64_t moved_ = 0;  ///< weight, in the window
    bool anyone_moved_ = false;
    std::optional<Moment> next_settle_;
};

}  // namespace guideway::health
