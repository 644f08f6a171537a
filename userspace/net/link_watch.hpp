// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

#include "net/netlink.hpp"
#include "util/result.hpp"

namespace guideway::net {

/// Tells when interfaces appear, vanish or change. Lives on the loop's thread; the loop outlives it.
class LinkWatch {
  public:
    [[nodiscard]] static Result<std::unique_ptr<LinkWatch>> create(boost::asio::io_context& loop,
                                                                   std::function<void()> on_change);
    ~LinkWatch() { readable_.release(); }
    LinkWatch(const LinkWatch&) = delete;
    LinkWatch& operator=(const LinkWatch&) = delete;

  private:
    LinkWatch(boost::asio::io_context& loop, Netlink netlink, std::function<void()> on_change);
    void wait();

    Netlink netlink_;
    boost::asio::posix::stream_descriptor readable_;
    std::function<void()> on_change_;
};

}  // namespace guideway::net
