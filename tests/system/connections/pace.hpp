// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace guideway::connections {

/// Spreads turns evenly over time: so many a second.
class Pace {
  public:
    explicit Pace(double per_second) : per_second_(per_second) {}

    /// How many turns are due, at most `most`: what a held-up process has missed beyond that is not made up
    /// for.
    [[nodiscard]] std::size_t due(std::chrono::steady_clock::time_point now, std::size_t most) {
        owed_ += std::chrono::duration<double>(now - last_).count() * per_second_;
        owed_ = std::min(owed_, static_cast<double>(most) + 0.999);
        last_ = now;
        const auto turns = static_cast<std::size_t>(owed_);
        owed_ -= static_cast<double>(turns);
        return turns;
    }

  private:
    double per_second_;
    double owed_ = 0;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace guideway::connections
