// SPDX-License-Identifier: Apache-2.0
#include "agent/backend_host.hpp"

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <filesystem>

#include "datapath/attachment.hpp"
#include "datapath/decap.hpp"
#include "datapath/privileges.hpp"
#include "net/interface.hpp"
#include "net/local_address.hpp"
#include "net/route.hpp"
#include "util/exclusive_lock.hpp"
#include "util/file.hpp"

namespace guideway::agent {

namespace {
constexpr const char* kAnyClient = "198.51.100.1";  ///< stands for all of them
constexpr std::uint32_t kClientMtu = 1500;
constexpr std::uint32_t kOuterHeaders = 40;  ///< IPv6, the larger one
constexpr std::uint32_t kInnerHeaders = 60;  ///< IPv6 and TCP

/// Keeps an interface from answering ARP for the VIPs: on its link they belong to the balancers.
struct ArpSetting {
    const char* name;
    char value;
};
constexpr ArpSetting kArpSettings[] = {{"arp_ignore", '1'}, {"arp_announce", '2'}};

Result<void> silence_arp(const std::string& interface) {
    for (const auto& setting : kArpSettings) {
        const std::string path = fmt::format("/proc/sys/net/ipv4/conf/{}/{}", interface, setting.name);
        const auto present = read_file(path);
        if (present && present->front() >= setting.value)
            continue;
        if (auto written = write_file(path, {&setting.value, 1}); !written)
            return written;
        spdlog::info("{}: {} is now {}, so that this host does not answer ARP for the VIPs", interface,
                     setting.name, setting.value);
    }
    return {};
}

/// A strict filter drops what arrives where its answer would not leave.
void check_reverse_path_filter(const net::Interface& interface, const Result<net::Route>& to_clients) {
    if (to_clients && to_clients->ifindex == interface.index)
        return;
    for (const std::string& name : {interface.name, std::string("all")}) {
        const auto filter = read_file(fmt::format("/proc/sys/net/ipv4/conf/{}/rp_filter", name));
        if (filter && filter->starts_with('1'))
            spdlog::warn(
                "rp_filter of {} is strict, but the way to clients is not {}: their packets are dropped; set "
                "it to 2 or 0",
                name, interface.name);
    }
}

/// A client's full-sized packet arrives with its outer header on top.
void check_mtu(const net::Interface& interface, const Result<net::Route>& to_clients) {
    const std::uint32_t enough = kClientMtu + kOuterHeaders;
    const std::uint32_t mss = interface.mtu - kOuterHeaders - kInnerHeaders;
    const bool mss_lowered = to_clients && to_clients->advmss && *to_clients->advmss <= mss;
    if (interface.mtu < enough && !mss_lowered)
        spdlog::warn(
            "{}: MTU {} is too small for clients' full-sized packets with an outer header; raise it to {}, "
            "or "
            "advertise a smaller MSS (`ip route change default ... advmss {}`)",
            interface.name, interface.mtu, enough, mss);
}

Result<void> add_vips(net::Netlink& netlink, const std::vector<IpAddress>& vips) {
    const auto loopback = net::interface_named(netlink, "lo");
    if (!loopback)
        return std::unexpected(loopback.error());
    for (const auto& vip : vips) {
        const auto added = net::add_local_address(netlink, loopback->index, vip);
        if (!added)
            return std::unexpected(added.error());
        if (*added)
            spdlog::info("{} is now an address of lo", vip.text());
    }
    return {};
}

Result<void> remove_vips(net::Netlink& netlink, const std::vector<IpAddress>& vips) {
    const auto loopback = net::interface_named(netlink, "lo");
    if (!loopback)
        return std::unexpected(loopback.error());
    for (const auto& vip : vips) {
        if (auto removed = net::remove_local_address(netlink, loopback->index, vip); !removed)
            return removed;
    }
    return {};
}

void wait_for_signal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    sd_notify(0, "READY=1");
    int received = 0;
    sigwait(&signals, &received);
    sd_notify(0, "STOPPING=1");
}

Result<ExclusiveLock> lock_runtime_dir(const std::string& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return fail("make runtime directory {}: {}", directory, error.message());
    return ExclusiveLock::take(directory);
}
}  // namespace

Result<void> run_backend_host(const BackendHostOptions& options) {
    if (auto allowed = datapath::check_privileges(); !allowed)
        return allowed;
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    const auto interface = net::interface_named(*netlink, options.interface);
    if (!interface)
        return std::unexpected(interface.error());
    const auto lock = lock_runtime_dir(options.runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    const auto pins = datapath::Pins::create(options.pins);
    if (!pins)
        return std::unexpected(pins.error());

    if (auto silenced = silence_arp(options.interface); !silenced)
        return silenced;
    if (auto added = add_vips(*netlink, options.vips); !added)
        return added;
    const auto program = datapath::DecapProgram::load({options.balancers, options.vips}, &*pins);
    if (!program)
        return std::unexpected(program.error());
    const auto attachment = datapath::attach(*pins, options.interface, program->fd(), config::Mode::kAuto);
    if (!attachment)
        return std::unexpected(attachment.error());
    spdlog::info("{}: {} ({} XDP)", options.interface,
                 attachment->replaced ? "took over from an earlier helper" : "unwrapping",
                 attachment->native ? "native" : "generic");
    const auto to_clients = net::route_to(*netlink, *IpAddress::parse(kAnyClient));
    check_reverse_path_filter(*interface, to_clients);
    check_mtu(*interface, to_clients);

    wait_for_signal();
    if (!options.detach_on_exit)
        return {};
    if (auto removed = datapath::remove_everything(*pins); !removed)
        return removed;
    return remove_vips(*netlink, options.vips);
}

}  // namespace guideway::agent
