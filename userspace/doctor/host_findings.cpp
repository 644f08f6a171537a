// SPDX-License-Identifier: Apache-2.0
#include "doctor/host_findings.hpp"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>
#include <utility>

#include "datapath/attachment.hpp"
#include "net/interface.hpp"
#include "util/unique_fd.hpp"

namespace guideway::doctor {

namespace {
/// The oldest kernel that `./scripts/test-vm` runs.
constexpr std::pair<unsigned, unsigned> kOldest{6, 1};

/// How many queues an interface has, and could have, for packets that it receives.
struct Queues {
    unsigned now = 0;
    unsigned at_most = 0;
};

/// Nothing where the driver does not tell.
std::optional<Queues> queues_of(const std::string& interface) {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    ifreq request{};
    std::strncpy(request.ifr_name, interface.c_str(), sizeof(request.ifr_name) - 1);
    request.ifr_data = reinterpret_cast<char*>(&channels);
    if (!socket || ::ioctl(socket.get(), SIOCETHTOOL, &request) != 0)
        return std::nullopt;
    return Queues{.now = channels.rx_count + channels.combined_count,
                  .at_most = channels.max_rx + channels.max_combined};
}

Findings of_queues(const std::string& interface) {
    const auto queues = queues_of(interface);
    const auto cores = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
    if (!queues || queues->now >= std::min(cores, queues->at_most))
        return {};
    const auto wanted = std::min(cores, queues->at_most);
    return {
        {"queues", interface, fmt::format("{} of {} cores handle its packets", queues->now, cores),
         "a packet is handled by the core that its receive queue is bound to",
         fmt::format("ethtool -L {0} combined {1}; or: ethtool -L {0} rx {1} tx {1}", interface, wanted)}};
}

Findings of_interface(net::Netlink& netlink, const std::string& name) {
    const auto interface = net::interface_named(netlink, name);
    if (!interface)
        return {{"interface", name, interface.error().message, "no packet arrives there", "ip link show"}};
    if (!interface->up || !interface->carrier)
        return {{"interface", name, interface->up ? "it has no link" : "it is down",
                 "no packet arrives there",
                 interface->up ? fmt::format("ethtool {}; the cable, the switch", name)
                               : fmt::format("ip link set {} up", name)}};
    Findings findings;
    if (!datapath::is_native(static_cast<unsigned>(interface->index)))
        findings.push_back({"interface_mode", name, "its driver does not run the program (generic mode)",
                            "each packet costs an skb first, several times what it costs in native mode",
                            "another driver or NIC: docs/operations.md, What it needs"});
    std::ranges::move(of_queues(name), std::back_inserter(findings));
    return findings;
}
}  // namespace

Findings findings_in_kernel(const std::string& release) {
    std::pair<unsigned, unsigned> version{};
    const char* end = release.data() + release.size();
    const auto major = std::from_chars(release.data(), end, version.first);
    if (major.ec == std::errc{} && major.ptr != end && *major.ptr == '.')
        std::from_chars(major.ptr + 1, end, version.second);
    if (version >= kOldest)
        return {};
    return {{"kernel", "", fmt::format("Linux {} runs", release),
             fmt::format("the programs were tried on {}.{} and later", kOldest.first, kOldest.second),
             "a newer kernel, such as Debian 12's"}};
}

Findings findings_in_running_kernel() {
    utsname name{};
    return ::uname(&name) == 0 ? findings_in_kernel(name.release) : Findings{};
}

Findings findings_in_pins(const std::string& directory) {
    struct statfs status{};
    const std::string parent = std::filesystem::path(directory).parent_path();
    if (::statfs(parent.c_str(), &status) == 0 && status.f_type == BPF_FS_MAGIC)
        return {};
    return {{"bpf_file_system", directory, fmt::format("{} is no BPF file system", parent),
             "nothing in the kernel would outlive the agent, which does not start without it",
             "mount -t bpf bpf /sys/fs/bpf"}};
}

Findings findings_in_interfaces(const std::vector<std::string>& names) {
    auto netlink = net::Netlink::open();
    if (!netlink)
        return {
            {"interface", "", netlink.error().message, "interfaces cannot be looked at", "run it as root"}};
    Findings findings;
    for (const auto& name : names)
        std::ranges::move(of_interface(*netlink, name), std::back_inserter(findings));
    return findings;
}

Findings findings_in_descriptors(int process) {
    constexpr double kNearlyAll = 0.8;
    rlimit limit{};
    std::error_code error;
    const auto open = std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", process), error);
    if (error || ::prlimit(process, RLIMIT_NOFILE, nullptr, &limit) != 0)
        return {};
    const auto used = std::distance(begin(open), end(open));
    if (static_cast<double>(used) < kNearlyAll * static_cast<double>(limit.rlim_cur))
        return {};
    return {{"descriptors", fmt::format("process {}", process),
             fmt::format("it has {} of {} file descriptors open", used, limit.rlim_cur),
             "without one, probes, orders and reloads fail",
             fmt::format("prlimit --pid {} --nofile=65536; LimitNOFILE= in the unit", process)}};
}

}  // namespace guideway::doctor
