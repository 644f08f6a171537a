// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "config/model.hpp"
#include "health/outcome.hpp"

namespace guideway::health {

enum class State : std::uint8_t { kUnknown, kUp, kDown };

/// `unknown`, `up`, `down`
[[nodiscard]] std::string_view name_of(State state);

struct JudgementRules {
    std::uint32_t rise = 3;
    std::uint32_t fall = 2;
    config::Damping damping;
};

/// Judges one backend of one service by its probes; pure, the caller brings the clock. `rise` good probes in
/// a row bring it up, `fall` bad ones down. Of what is not known at all, one good probe is enough: there is
/// nothing that it would contradict.
class Judgement {
  public:
    Judgement(const JudgementRules& rules, State last_known) : rules_(rules), state_(last_known) {}

    /// True if the state changed.
    bool good(Moment now);
    bool bad(Moment now);

    [[nodiscard]] State state() const { return state_; }
    /// Whether a probe has confirmed or changed the state that it began with.
    [[nodiscard]] bool judged() const { return judged_; }
    /// Bad probes in a row.
    [[nodiscard]] std::uint32_t failures() const { return failures_; }
    /// Until when it stays down whatever its probes say, because it was flapping.
    [[nodiscard]] std::optional<Moment> held_until() const { return held_until_; }

    void set_rules(const JudgementRules& rules) { rules_ = rules; }

  private:
    void go_down(Moment now);

    JudgementRules rules_;
    State state_;
    bool judged_ = false;
    std::uint32_t successes_ = 0;
    std::uint32_t failures_ = 0;
    Moment up_since_{};
    std::deque<Moment> downs_;  ///< the latest times it went down, within the rules' time
    std::uint32_t holds_ = 0;   ///< in a row, without a steady time between them
    std::optional<Moment> held_until_;
};

}  // namespace guideway::health
