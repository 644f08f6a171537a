// SPDX-License-Identifier: Apache-2.0
#include "net/link_watch.hpp"

#include <array>

namespace guideway::net {

Result<std::unique_ptr<LinkWatch>> LinkWatch::create(boost::asio::io_context& loop,
                                                     std::function<void()> on_change) {
    constexpr std::array kGroups{RTNLGRP_LINK};
    auto netlink = Netlink::subscribe(kGroups);
    if (!netlink)
        return std::unexpected(netlink.error());
    std::unique_ptr<LinkWatch> watch(new LinkWatch(loop, std::move(*netlink), std::move(on_change)));
    watch->wait();
    return watch;
}

LinkWatch::LinkWatch(boost::asio::io_context& loop, Netlink netlink, std::function<void()> on_change)
    : netlink_(std::move(netlink)), readable_(loop, netlink_.fd()), on_change_(std::move(on_change)) {}

void LinkWatch::wait() {
    readable_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [this](const boost::system::error_code& error) {
                             if (error)
                                 return;
                             // Lost announcements (ENOBUFS) are announcements, too.
                             for (auto more = netlink_.receive([](const nlmsghdr&) {}); more && *more;)
                                 more = netlink_.receive([](const nlmsghdr&) {});
                             on_change_();
                             wait();
                         });
}

}  // namespace guideway::net
