// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace guideway::health {

using Clock = std::chrono::steady_clock;
using Moment = Clock::time_point;

/// What a probe says of a backend.
enum class Verdict : std::uint8_t {
    kGood,
    kBad,
    kNotTried,  ///< this host could not probe: nothing is known of the backend
};

struct Outcome {
    Verdict verdict = Verdict::kGood;
    bool answered = true;  ///< the host reacted, be it by a refusal
    std::string text;      ///< why, unless it is good: `answered 503`

    [[nodiscard]] static Outcome good() { return {}; }
    [[nodiscard]] static Outcome bad_answer(std::string why) { return {Verdict::kBad, true, std::move(why)}; }
    [[nodiscard]] static Outcome silence(std::string why) { return {Verdict::kBad, false, std::move(why)}; }
    [[nodiscard]] static Outcome not_tried(std::string why) {
        return {Verdict::kNotTried, false, std::move(why)};
    }

    [[nodiscard]] bool is_good() const { return verdict == Verdict::kGood; }
};

}  // namespace guideway::health
