// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "backend/host.hpp"
#include "net/next_hops.hpp"
#include "util/complaint.hpp"

namespace guideway::backend {

/// Keeps the ways to the other backends, to which packets are handed on, as the kernel has them: an address
/// that is not resolved when a packet comes costs the packet. Lives on the loop's thread.
class Peers {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Peers>> create(boost::asio::io_context& loop,
                                                               const Host& host);

    /// Those of the host's configuration.
    void follow();
    /// Brings back what somebody took away.
    void repair() { store(); }

  private:
    explicit Peers(const Host& host) : host_(host) {}
    void store();

    const Host& host_;
    std::vector<IpAddress> followed_;
    Complaint trouble_;
    std::unique_ptr<net::NextHops> next_hops_;  ///< last, as it calls the others
};

}  // namespace guideway::backend
