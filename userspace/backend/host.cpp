// SPDX-License-Identifier: Apache-2.0
#include "backend/host.hpp"

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "backend/undo_list.hpp"
#include "datapath/attachments.hpp"
#include "datapath/decap.hpp"
#include "datapath/privileges.hpp"
#include "net/interface.hpp"
#include "net/local_address.hpp"
#include "net/route.hpp"
#include "util/complaint.hpp"
#include "util/exclusive_lock.hpp"
#include "util/file.hpp"

namespace guideway::backend {

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

/// Makes `lo` have the VIP, and notes whether that was a helper's doing.
Result<void> add_vip(net::Netlink& netlink, int loopback, const IpAddress& vip, UndoList& undo) {
    const bool noted = undo.vips.insert(vip).second;
    if (auto written = noted ? undo.write() : Result<void>{}; !written)
        return written;
    const auto added = net::add_local_address(netlink, loopback, vip);
    if (!added)
        return std::unexpected(added.error());
    if (*added)
        spdlog::info("{} is now an address of lo", vip.text());
    if (*added || !noted)
        return {};
    undo.vips.erase(vip);  // it was there before any helper
    return undo.write();
}

/// Makes `lo` have these VIPs, and none that an earlier helper added for others.
Result<void> set_vips(net::Netlink& netlink, const std::vector<IpAddress>& wanted, UndoList& undo) {
    const auto loopback = net::interface_named(netlink, "lo");
    if (!loopback)
        return std::unexpected(loopback.error());
    for (const auto& vip : wanted) {
        if (auto added = add_vip(netlink, loopback->index, vip, undo); !added)
            return added;
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

/// The settings of an interface that is gone, or is called otherwise now, are not put back.
Result<void> undo_everything(net::Netlink& netlink, const datapath::Pins& pins, UndoList& undo) {
    auto done = datapath::remove_everything(pins);
    if (done)
        done = set_vips(netlink, {}, undo);
    for (const auto& [path, value] : undo.settings) {
        if (done && ::access(path.c_str(), F_OK) == 0)
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

void block(sigset_t& signals) {
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, kUndoAndEnd);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
}

/// A backend's parts in the kernel.
class BackendHost {
  public:
    BackendHost(const BackendHostOptions& options, net::Netlink netlink, ExclusiveLock lock,
                datapath::Pins pins)
        : options_(options),
          netlink_(std::move(netlink)),
          lock_(std::move(lock)),
          pins_(std::move(pins)),
          undo_(UndoList::read(options.runtime_dir)),
          attachments_(pins_) {}

    [[nodiscard]] Result<void> set_up() {
        if (auto silenced = silence_arp(options_.interface, undo_); !silenced)
            return silenced;
        if (auto set = set_vips(netlink_, options_.vips, undo_); !set)
            return set;
        auto program = datapath::DecapProgram::load({options_.balancers, options_.vips}, &pins_);
        if (!program)
            return std::unexpected(program.error());
        program_.emplace(std::move(*program));
        const auto attached = attachments_.attach({options_.interface}, config::Mode::kAuto, program_->fd());
        if (!attached)
            return std::unexpected(attached.error());
        for (const auto& attachment : *attached)
            spdlog::info("{}: {} ({} XDP)", options_.interface,
                         attachment.replaced ? "took over from an earlier helper" : "unwrapping",
                         attachment.native ? "native" : "generic");
        return {};
    }

    /// Brings back what somebody took away.
    void repair() {
        settings_.tell(repair_settings());
        vips_.tell(repair_vips());
        pinned_.tell(repair_pins());
        for (const auto& repair : attachments_.repair())
            spdlog::log(repair.done ? spdlog::level::warn : spdlog::level::err, "{}", repair.text);
    }

    [[nodiscard]] Result<void> undo() { return undo_everything(netlink_, pins_, undo_); }
    [[nodiscard]] net::Netlink& netlink() { return netlink_; }
    [[nodiscard]] const datapath::DecapProgram& program() const { return *program_; }

  private:
    [[nodiscard]] Result<void> repair_settings() {
        if (!lock_.holds(options_.runtime_dir)) {
            auto lock = ExclusiveLock::make_and_take(options_.runtime_dir);
            if (!lock)
                return std::unexpected(lock.error());
            lock_ = std::move(*lock);
            if (auto written = undo_.write(); !written)
                return written;
            spdlog::warn("{} had gone; it is there again", options_.runtime_dir);
        }
        const auto& interface = attachments_.states().front();
        return interface.attached ? silence_arp(interface.device, undo_) : Result<void>{};
    }

    [[nodiscard]] Result<void> repair_vips() {
        const auto loopback = net::interface_named(netlink_, "lo");
        if (!loopback)
            return std::unexpected(loopback.error());
        for (const auto& vip : options_.vips) {
            if (auto added = add_vip(netlink_, loopback->index, vip, undo_); !added)
                return added;
        }
        return {};
    }

    [[nodiscard]] Result<void> repair_pins() {
        if (auto made = datapath::Pins::create(pins_.directory()); !made)
            return std::unexpected(made.error());
        const auto repaired = program_->repair({options_.balancers, options_.vips}, pins_);
        if (!repaired)
            return std::unexpected(repaired.error());
        for (const auto& map : *repaired)
            spdlog::warn("pins {}: {} was not as it should be; it is again", pins_.directory(), map);
        return {};
    }

    const BackendHostOptions& options_;
    net::Netlink netlink_;
    ExclusiveLock lock_;
    datapath::Pins pins_;
    UndoList undo_;
    std::optional<datapath::DecapProgram> program_;
    datapath::Attachments attachments_;
    Complaint settings_, vips_, pinned_;
};
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
    auto lock = ExclusiveLock::make_and_take(options.runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    auto pins = datapath::Pins::create(options.pins);
    if (!pins)
        return std::unexpected(pins.error());
    BackendHost host(options, std::move(*netlink), std::move(*lock), std::move(*pins));
    if (auto set_up = host.set_up(); !set_up)
        return set_up;
    const auto to_clients = net::route_to(host.netlink(), *IpAddress::parse(kAnyClient));
    check_reverse_path_filter(*interface, to_clients);
    check_mtu(*interface, to_clients);

    sigset_t signals;
    block(signals);
    sd_notify(0, "READY=1");
    constexpr timespec kRepairInterval{.tv_sec = 1, .tv_nsec = 0};
    int received = 0;
    while ((received = sigtimedwait(&signals, nullptr, &kRepairInterval)) < 0)
        host.repair();
    sd_notify(0, "STOPPING=1");
    tell_counts(host.program());
    return options.detach_on_exit || received == kUndoAndEnd ? host.undo() : Result<void>{};
}

Result<void> undo_backend_host(const std::string& runtime_dir, const std::string& directory) {
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    const auto lock = ExclusiveLock::make_and_take(runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    auto undo = UndoList::read(runtime_dir);
    const auto pins = datapath::Pins::create(directory);
    if (!pins)
        return std::unexpected(pins.error());
    return undo_everything(*netlink, *pins, undo);
}

}  // namespace guideway::backend
