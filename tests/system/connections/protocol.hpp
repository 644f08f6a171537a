// SPDX-License-Identifier: Apache-2.0
// What client and server say to one another:
//
//   server:  one byte N, then N bytes: its name
//   client:  struct Hello, then numbered bytes (stream.hpp)
//   server:  for each numbered byte it got, `factor` numbered bytes of its own; at the client's end its own
//
// A server that gets a wrong byte answers with a wrong byte, so that the client, which keeps the report,
// learns of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace guideway::connections {

/// Both ends run on one machine: no byte order to agree on.
struct Hello {
    std::uint64_t connection;
    std::uint64_t factor;
};

constexpr std::size_t kMaxName = 63;
constexpr std::uint64_t kMaxFactor = 1024;
/// What is read or written at once.
constexpr std::size_t kChunk = 64 << 10;

}  // namespace guideway::connections
