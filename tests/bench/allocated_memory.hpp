// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// Bytes that the global operator new has handed out and not got back. For single-threaded benchmarks.
namespace guideway::bench {

[[nodiscard]] std::size_t allocated_memory();
/// The most since the last reset.
[[nodiscard]] std::size_t peak_memory();
void reset_peak_memory();

}  // namespace guideway::bench
