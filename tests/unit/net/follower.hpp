// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "lab.hpp"
#include "net/next_hops.hpp"

/// Next hops that follow backends on a loop of their own, and count how often they report a change.
class Follower {
  public:
    explicit Follower(std::initializer_list<std::string> backends) { follow(backends); }

    void follow(std::initializer_list<std::string> backends) {
        std::vector<guideway::IpAddress> addresses;
        for (const auto& backend : backends)
            addresses.push_back(ip(backend));
        next_hops->follow(addresses);
    }

    const guideway::net::Resolution& at(const std::string& backend) const {
        return next_hops->at(ip(backend));
    }

    /// The reason why the backend has no next hop; empty if it has one.
    std::string reason(const std::string& backend) const {
        return at(backend) ? "" : at(backend).error().reason;
    }
    /// The destination MAC of the backend's next hop; zero if it has none.
    guideway::MacAddress mac_of(const std::string& backend) const {
        return at(backend) ? at(backend)->mac : guideway::MacAddress{};
    }

    bool await(const std::function<bool()>& condition) { return ::await(loop, condition); }

    boost::asio::io_context loop;
    int changes = 0;
    /// Faster than in production, so that tests of periodic work are quick.
    std::unique_ptr<guideway::net::NextHops> next_hops =
        guideway::net::NextHops::create(loop, [this] { ++changes; },
                                        {.unresolved = std::chrono::milliseconds(50),
                                         .stale = std::chrono::milliseconds(100),
                                         .settle = std::chrono::milliseconds(20)})
            .value();
};
