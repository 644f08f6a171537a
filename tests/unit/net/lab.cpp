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

void run(const std::vector<std::string>& commands) {
    for (const auto& command : commands) {
        INFO(command);
        REQUIRE(std::system(command.c_str()) == 0);
    }
}

std::vector<std::string> addresses(const std::string& interface, int subnet, const std::string& host) {
    return {fmt::format("ip address add 10.0.{}.{}/24 dev {}", subnet, host, interface),
            fmt::format("ip address add 2001:db8:{}::{}/64 dev {}", subnet, host, interface),
            fmt::format("ip address add fe80::{}/64 dev {}", host, interface)};
}

const std::vector<std::string> kPrepare{
    "ip link set lo up", "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0"};

/// The kernel takes IPv6 addresses into use, and announces that, some time after they were added. A test that
/// starts later sees only the announcements that it causes.
const std::vector<std::string> kSettle{
    "timeout 5 sh -c 'while ip -6 address show tentative | grep -q inet6; do :; done'", "ip link set lo up"};
}  // namespace

Lab::Lab()
    : home_(current_namespace()), there_(new_namespace()), here_(new_namespace()), netlink(*Netlink::open()) {
    here(kPrepare);
    there(kPrepare);
    link(0);
    link(1);
    here(kSettle);
    there(kSettle);
    a0 = interface_named(netlink, "a0")->index;
    a1 = interface_named(netlink, "a1")->index;
}

Lab::~Lab() {
    enter(home_);
}

void Lab::here(const std::vector<std::string>& commands) {
    run(commands);
}

void Lab::there(const std::vector<std::string>& commands) {
    enter(there_);
    run(commands);
    enter(here_);
}

void Lab::link(int number) {
    const auto named = [&](fmt::string_view format) {
        return fmt::vformat(format, fmt::make_format_args(number));
    };
    here({named("ip link add a{0} address 02:00:00:00:00:a{0} type veth peer name b{0} address "
                "02:00:00:00:00:b{0}"),
          fmt::format("ip link set b{} netns /proc/{}/fd/{}", number, ::getpid(), there_.get())});
    there({named("ip link set b{} addrgenmode none up")});
    here({named("ip link set a{} addrgenmode none up"),
          named("sysctl -qw net.ipv4.neigh.a{0}.retrans_time_ms=30 net.ipv6.neigh.a{0}.retrans_time_ms=30"),
          named("sysctl -qw net.ipv4.neigh.a{}.delay_first_probe_time=0")});
    const int subnet = number + 1;
    here(addresses(named("a{}"), subnet, "1"));
    there(addresses(named("b{}"), subnet, "11"));
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
