// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "util/result.hpp"

namespace guideway::datapath {

/// Frames shorter than this are refused by the kernel's test run.
inline constexpr std::size_t kShortestTestFrame = 14;

/// The interface that a test run's frame comes from unless another is given: the loopback's index.
inline constexpr std::uint32_t kTestRunInterface = 1;

struct TestRun {
    std::uint32_t action = 0;  ///< enum xdp_action
    std::vector<std::uint8_t> frame;
};

/// Runs an XDP program once on a frame (BPF_PROG_TEST_RUN), as if it came from an interface of this network
/// namespace.
[[nodiscard]] Result<TestRun> test_run(int program_fd, std::span<const std::uint8_t> frame,
                                       std::uint32_t interface = kTestRunInterface);

/// The same with a tc program, on a frame whose socket has that mark; the action is a TC_ACT_*.
[[nodiscard]] Result<TestRun> test_run_marked(int program_fd, std::uint32_t mark,
                                              std::span<const std::uint8_t> frame);

}  // namespace guideway::datapath
