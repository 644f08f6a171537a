// SPDX-License-Identifier: Apache-2.0
#include "config/model.hpp"

#include <fmt/format.h>

namespace guideway::config {

std::string Listener::text() const {
    return fmt::format("{}{}{}:{}/{}", vip.is_v4() ? "" : "[", vip.text(), vip.is_v4() ? "" : "]",
                       port == 0 ? "*" : std::to_string(port), protocol == Protocol::kTcp ? "tcp" : "udp");
}

std::string Endpoint::text() const {
    return fmt::format(fmt::runtime(address.is_v4() ? "{}:{}" : "[{}]:{}"), address.text(), port);
}

}  // namespace guideway::config
