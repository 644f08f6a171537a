// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "net/netlink.hpp"
#include "util/ip_address.hpp"
#include "util/mac_address.hpp"
#include "util/unique_fd.hpp"

/// Two network namespaces joined by two links. The test is in the first; both vanish with this object.
///
///     here                                                          there
///     a0  10.0.1.1/24  2001:db8:1::1/64  02:00:00:00:00:a0  ------  b0  10.0.1.11/24  2001:db8:1::11/64 …:b0
///     a1  10.0.2.1/24  2001:db8:2::1/64  02:00:00:00:00:a1  ------  b1  10.0.2.11/24  2001:db8:2::11/64 …:b1
///
/// Neighbours that do not answer fail after 90 ms instead of 3 s.
class Lab {
  public:
    Lab();
    ~Lab();
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;

    /// Runs shell commands, which must succeed.
    void here(const std::vector<std::string>& commands);
    void there(const std::vector<std::string>& commands);

  private:
    void link(int number);

    guideway::UniqueFd home_;
    guideway::UniqueFd there_;
    guideway::UniqueFd here_;

  public:
    guideway::net::Netlink netlink;  ///< opened in the first namespace
    int a0 = 0;
    int a1 = 0;
};

/// Runs the loop until the condition holds; false if it does not within ten seconds.
bool await(boost::asio::io_context& loop, const std::function<bool()>& condition);

guideway::IpAddress ip(const std::string& text);
guideway::MacAddress mac(const std::string& text);

namespace guideway {
/// For failed assertions.
inline std::ostream& operator<<(std::ostream& out, const IpAddress& address) {
    return out << address.text();
}
inline std::ostream& operator<<(std::ostream& out, const MacAddress& address) {
    return out << address.text();
}
}  // namespace guideway
