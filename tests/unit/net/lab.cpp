// SPDX-License-Identifier: Apache-2.0
#include "lab.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "net/interface.hpp"

using guideway::UniqueFd;
using guideway::net::interface_named;
using guideway::net::Netlink;

namespace {
UniqueFd current_namespace() {
    return UniqueFd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

UniqueFd new_namespace() {
    if (::unshare(CLONE_NEWNET) != 0)
        FAIL("a network namespace needs root: " << guideway::errno_text());
    return current_namespace();
}

void enter(const UniqueFd& network_namespace) {
    REQUIRE(::setns(network_namespace.get(), CLONE_NEWNET) == 0);
}

void run(std::initializer_list<std::string> commands) {
    for (const auto& command : commands) {
        INFO(command);
        REQUIRE(std::system(command.c_str()) == 0);
    }
}

/// Addresses that are usable at once, instead of after duplicate detection.
constexpr auto kNoDuplicateDetection =
    "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 && ip link set lo up";
}  // namespace

Lab::Lab()
    : home_(current_namespace()), there_(new_namespace()), here_(new_namespace()), netlink(*Netlink::open()) {
    here({kNoDuplicateDetection});
    there({kNoDuplicateDetection});
    link(0);
    link(1);
    a0 = interface_named(netlink, "a0")->index;
    a1 = interface_named(netlink, "a1")->index;
}

Lab::~Lab() {
    enter(home_);
}

void Lab::here(std::initializer_list<std::string> commands) {
    run(commands);
}

void Lab::there(std::initializer_list<std::string> commands) {
    enter(there_);
    run(commands);
    enter(here_);
}

void Lab::link(int number) {
    const auto text = [&](fmt::string_view format) {
        return fmt::vformat(format, fmt::make_format_args(number));
    };
    const int subnet = number + 1;
    here({text("ip link add a{0} address 02:00:00:00:00:a{0} type veth peer name b{0} address "
               "02:00:00:00:00:b{0}"),
          fmt::format("ip link set b{} netns /proc/{}/fd/{}", number, ::getpid(), there_.get()),
          text("ip link set a{0} up"), fmt::format("ip address add 10.0.{}.1/24 dev a{}", subnet, number),
          fmt::format("ip address add 2001:db8:{}::1/64 dev a{}", subnet, number),
          text("sysctl -qw net.ipv4.neigh.a{0}.retrans_time_ms=30 net.ipv6.neigh.a{0}.retrans_time_ms=30"),
          text("sysctl -qw net.ipv4.neigh.a{0}.delay_first_probe_time=0")});
    there({text("ip link set b{0} up"), fmt::format("ip address add 10.0.{}.11/24 dev b{}", subnet, number),
           fmt::format("ip address add 2001:db8:{}::11/64 dev b{}", subnet, number)});
}

bool await(boost::asio::io_context& loop, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition())
        if (loop.run_one_until(deadline) == 0)
            return condition();
    return true;
}

guideway::IpAddress ip(const std::string& text) {
    return guideway::IpAddress::parse(text).value();
}

guideway::MacAddress mac(const std::string& text) {
    return guideway::MacAddress::parse(text).value();
}
