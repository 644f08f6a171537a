// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

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

/// How often a backend went down of late, and what came of it.
struct FlapHistory {
    Moment up_since{};
    std::vector<Moment> downs;  ///< the latest times it went down, within the rules' time
    std::uint32_t holds = 0;    ///< in a row, without a steady time between them
    std::optional<Moment> held_until;

    bool operator==(const FlapHistory&) const = default;
};

/// What is known of a backend, for whoever judges it next.
struct LastKnown {
    State state = State::kUnknown;
    FlapHistory flaps;

    /// Whether it makes a difference to the next judge: it is down, or was of late.
    [[nodiscard]] bool matters() const { return state == State::kDown || !flaps.downs.empty(); }
    bool operator==(const LastKnown&) const = default;
};

/// Judges one backend of one service by its probes; pure, the caller brings the clock. `rise` good probes in
/// a row bring it up, `fall` bad ones down. Of what is not known at all, one good probe is enough: there is
/// nothing that it would contradict.
class Judgement {
  public:
    Judgement(const JudgementRules& rules, LastKnown known) : rules_(rules), known_(std::move(known)) {}

    /// True if the state changed.
    bool good(Moment now);
    bool bad(Moment now);

    [[nodiscard]] State state() const { return known_.state; }
    [[nodiscard]] const LastKnown& known() const { return known_; }
    /// Whether a probe has confirmed or changed the state that it began with.
    [[nodiscard]] bool judged() const { return judged_; }
    /// Bad probes in a row.
    [[nodiscard]] std::uint32_t failures() const { return failures_; }
    /// Until when it stays down whatever its probes say, because it was flapping.
    [[nodiscard]] std::optional<Moment> held_until() const { return known_.flaps.held_until; }

    void set_rules(const JudgementRules& rules) { rules_ = rules; }

  private:
    void go_down(Moment now);

    JudgementRules rules_;
    LastKnown known_;
    bool judged_ = false;
    std::uint32_t successes_ = 0;
    std::uint32_t failures_ = 0;
};

}  // namespace guideway::health
