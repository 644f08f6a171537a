// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libmnl/libmnl.h>

#include <array>
#include <cstdint>
#include <string>

#include "util/ip_address.hpp"

namespace guideway::net {

/// A request to the kernel: one header and a few small attributes.
class Request {
  public:
    /// `flags` are NLM_F_* beside NLM_F_REQUEST; `header` is the family's own (rtmsg, ndmsg, ifinfomsg).
    template <typename Header>
    Request(std::uint16_t type, std::uint16_t flags, const Header& header) {
        mnl_nlmsg_put_header(buffer_.data());
        message().nlmsg_type = type;
        message().nlmsg_flags = NLM_F_REQUEST | flags;
        *static_cast<Header*>(mnl_nlmsg_put_extra_header(&message(), sizeof(Header))) = header;
    }

    void put(std::uint16_t attribute, const IpAddress& address) {
        mnl_attr_put(&message(), attribute, address.wire_size(), address.wire());
    }
    void put(std::uint16_t attribute, std::uint32_t number) {
        mnl_attr_put_u32(&message(), attribute, number);
    }
    /// At most an interface's name.
    void put(std::uint16_t attribute, const std::string& text) {
        mnl_attr_put_strz(&message(), attribute, text.c_str());
    }

    [[nodiscard]] nlmsghdr& message() { return *reinterpret_cast<nlmsghdr*>(buffer_.data()); }

  private:
    alignas(nlmsghdr) std::array<char, 256> buffer_{};
};

}  // namespace guideway::net
