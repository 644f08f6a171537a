// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "config/model.hpp"
#include "health/outcome.hpp"
#include "util/ip_address.hpp"
#include "util/result.hpp"

namespace guideway::health {

/// Where a probe goes.
struct Way {
    IpAddress address;  ///< the VIP through the tunnel, or the backend itself
    std::uint16_t port = 0;
    std::optional<std::uint32_t> mark;         ///< of its packets; tells the tunnel's backend
    std::optional<std::uint32_t> packet_size;  ///< bytes of an IP packet that fit; nothing: the kernel knows
};

class Farewells;

/// One probe under way: where it goes, and how far it has come.
struct Attempt {
    Way way;
    const char* awaited = "connection";  ///< what it is waiting for, should it take too long
    bool reacted = false;                ///< the host has shown that it is there
    Farewells* farewells = nullptr;      ///< what ends its connection in order; nothing: a reset does
    int socket = -1;                     ///< its connection's, for who must end it at once
};

/// A kind of probe with its settings. Scheduling, time limits and cancellation are the caller's: a probe that
/// is cancelled ends at its next step, by an exception at the latest.
class Check {
  public:
    /// The attempt outlives the coroutine.
    [[nodiscard]] virtual boost::asio::awaitable<Outcome> probe(Attempt& attempt) const = 0;
    virtual ~Check() = default;
};

/// Errors: a CA file that cannot be read.
[[nodiscard]] Result<std::shared_ptr<const Check>> make_check(const config::Health& settings);

/// The kinds, for make_check().
[[nodiscard]] std::shared_ptr<const Check> make_tcp_check();
[[nodiscard]] std::shared_ptr<const Check> make_udp_check(const config::Health& settings);
[[nodiscard]] std::shared_ptr<const Check> make_icmp_check();
[[nodiscard]] std::shared_ptr<const Check> make_http_check(const config::Health& settings);
[[nodiscard]] Result<std::shared_ptr<const Check>> make_https_check(const config::Health& settings);

/// One echo request of `packet_size` bytes of IP packet that must not be fragmented; 0: as small as it gets.
[[nodiscard]] boost::asio::awaitable<Outcome> echo(Attempt& attempt, std::uint32_t packet_size);

}  // namespace guideway::health
