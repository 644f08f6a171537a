// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>
#include <string>
#include <vector>

#include "frame.hpp"

namespace guideway::test {

/// Frames and configurations out of a seed: few enough addresses, ports and IDs that flows and datagrams meet
/// again, and of everything a real network sends some, whole and damaged.
class RandomFrames {
  public:
    explicit RandomFrames(std::uint64_t seed) : random_(seed) {}

    [[nodiscard]] Frame next();
    /// Services in the configuration's language.
    [[nodiscard]] std::string services();
    /// What follows other keys of `datapath`.
    [[nodiscard]] std::string datapath();

    [[nodiscard]] bool chance(unsigned percent) { return below(100) < percent; }
    /// 0 .. bound - 1
    [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>(random_() % bound);
    }

  private:
    template <typename T>
    T one_of(const std::vector<T>& choices) {
        return choices[below(static_cast<std::uint32_t>(choices.size()))];
    }

    FrameBuilder addressed(bool v4);
    void add_extensions(FrameBuilder& frame);
    void add_fragmentation(FrameBuilder& frame, bool v4);
    void add_contents(FrameBuilder& frame, bool v4);
    Frame icmp_message(bool v4);
    Frame quoted(bool v4);
    Frame random_bytes(std::size_t size);
    void damage(Frame& frame);

    std::mt19937_64 random_;
};

}  // namespace guideway::test
