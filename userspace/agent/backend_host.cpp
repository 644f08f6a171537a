// SPDX-License-Identifier: Apache-2.0
#include "agent/backend_host.hpp"

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>

#include "agent/undo_list.hpp"
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

Result<void> silence_arp(const std::string& interface, UndoList& undo) {
    for (const auto& setting : kArpSettings) {
        const std::string path = fmt::format("/proc/sys/net/ipv4/conf/{}/{}", interface, setting.name);
        const auto present = read_file(path);
        if (present && present->front() >= setting.value)
            continue;
        if (present)
            undo.settings.emplace(path, present->substr(0, present->find('\n')));
        auto done = undo.write();
        if (done)
            done = write_file(path, {&setting.value, 1});
        if (!done)
            return done;
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

/// Makes `lo` have these VIPs, and none that an earlier helper added for others.
Result<void> set_vips(net::Netlink& netlink, const std::vector<IpAddress>& wanted, UndoList& undo) {
    const auto loopback = net::interface_named(netlink, "lo");
    if (!loopback)
        return std::unexpected(loopback.error());
    for (const auto& vip : wanted) {
        const bool noted = undo.vips.insert(vip).second;
        if (auto written = undo.write(); !written)
            return written;
        const auto added = net::add_local_address(netlink, loopback->index, vip);
        if (!added)
            return std::unexpected(added.error());
        if (*added)
            spdlog::info("{} is now an address of lo", vip.text());
        else if (noted)
            undo.vips.erase(vip);  // it was there before any helper
    }
    for (auto vip = undo.vips.begin(); vip != undo.vips.end();) {
        if (std::ranges::find(wanted, *vip) != wanted.end()) {
            ++vip;
            continue;
        }
        if (auto removed = net::remove_local_address(netlink, loopback->index, *vip); !removed)
            return removed;
        spdlog::info("{} is no longer an address of lo", vip->text());
        vip = undo.vips.erase(vip);
    }
    return undo.write();
}

Result<void> undo_everything(net::Netlink& netlink, const datapath::Pins& pins, UndoList& undo) {
    auto done = datapath::remove_everything(pins);
    if (done)
        done = set_vips(netlink, {}, undo);
    for (const auto& [path, value] : undo.settings) {
        if (done)
            done = write_file(path, value);
    }
    return done ? undo.remove() : done;
}

void tell_counts(const datapath::DecapProgram& program) {
    const auto counts = program.counts();
    if (!counts)
        return;
    spdlog::info("{} packets were unwrapped", (*counts)[abi::DECAP_UNWRAPPED]);
    if (const auto fragments = (*counts)[abi::DECAP_OUTER_FRAGMENT]; fragments > 0)
        spdlog::warn(
            "{} packets arrived with a fragmented outer header: the way from the balancers is too narrow for "
            "them",
            fragments);
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
    const auto lock = ExclusiveLock::make_and_take(options.runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    const auto pins = datapath::Pins::create(options.pins);
    if (!pins)
        return std::unexpected(pins.error());

    auto undo = UndoList::read(options.runtime_dir);
    if (auto silenced = silence_arp(options.interface, undo); !silenced)
        return silenced;
    if (auto set = set_vips(*netlink, options.vips, undo); !set)
        return set;
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
    tell_counts(*program);
    return options.detach_on_exit ? undo_everything(*netlink, *pins, undo) : Result<void>{};
}

}  // namespace guideway::agent
