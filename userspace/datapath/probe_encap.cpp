// SPDX-License-Identifier: Apache-2.0
#include "datapath/probe_encap.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <vector>

#include "datapath/libbpf_log.hpp"
#include "datapath/program.hpp"
#include "probe_encap.skel.h"

namespace guideway::datapath {

namespace {
/// By these every agent finds the filter that an earlier one left.
constexpr std::uint32_t kHandle = 1;
constexpr std::uint32_t kPriority = 0x6777;

bpf_tc_hook egress_of(int ifindex) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = ifindex;
    hook.attach_point = BPF_TC_EGRESS;
    return hook;
}

bpf_tc_opts our_filter() {
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.handle = kHandle;
    options.priority = kPriority;
    return options;
}

std::string name_of(int ifindex) {
    char name[IF_NAMESIZE] = {};
    return if_indextoname(static_cast<unsigned>(ifindex), name) != nullptr ? name : std::to_string(ifindex);
}

/// How many indices the bits outside the mask can tell apart.
std::uint64_t indices(config::ProbeMark mark) {
    return std::uint64_t{1} << std::countr_zero(mark.mask);
}
}  // namespace

void ProbeEncap::Destroy::operator()(probe_encap_bpf* skeleton) const {
    probe_encap_bpf::destroy(skeleton);
}

Result<ProbeEncap> ProbeEncap::load(config::ProbeMark mark, std::uint32_t routes) {
    capture_libbpf_log();
    Skeleton skeleton(probe_encap_bpf::open());
    if (!skeleton)
        return bpf_failure("open the probe program", errno);
    const auto capacity = static_cast<std::uint32_t>(std::min<std::uint64_t>(routes, indices(mark)));
    skeleton->rodata->mark_value = mark.value;
    skeleton->rodata->mark_mask = mark.mask;
    bpf_map__set_max_entries(skeleton->maps.probe_routes, capacity);
    bpf_map__set_max_entries(skeleton->maps.probe_counts, capacity);
    if (const int error = probe_encap_bpf::load(skeleton.get()); error != 0)
        return bpf_failure("load the probe program", error);
    static_cast<void>(take_libbpf_log());
    auto counts = MappedArray::map(bpf_map__fd(skeleton->maps.probe_counts), "probe_counts",
                                   sizeof(std::uint64_t), capacity, false);
    if (!counts)
        return std::unexpected(counts.error());
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(skeleton->progs.probe_encap), &info, &size) != 0)
        return bpf_failure("read the id of the probe program", -errno);
    return ProbeEncap(std::move(skeleton), std::move(*counts), mark, capacity, info.id);
}

/// The kernel says so; that it cannot be asked now (no descriptor is free, say) is no sign of it.
bool ProbeEncap::is_gone(int ifindex) const {
    const auto hook = egress_of(ifindex);
    auto options = our_filter();
    const int error = bpf_tc_query(&hook, &options);
    static_cast<void>(take_libbpf_log());
    if (error == 0)
        return options.prog_id != program_id_;
    return error == -ENOENT || error == -EINVAL || error == -ENODEV;
}

Result<ProbeEncap::Attached> ProbeEncap::attach(int ifindex) {
    if (attached_.contains(ifindex) && !is_gone(ifindex))
        return Attached::kAlready;
    auto hook = egress_of(ifindex);
    if (const int error = bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
        return bpf_failure(fmt::format("add a clsact qdisc to {}", name_of(ifindex)), error);
    auto options = our_filter();
    options.prog_fd = fd();
    options.flags = BPF_TC_F_REPLACE;
    if (const int error = bpf_tc_attach(&hook, &options); error != 0)
        return bpf_failure(fmt::format("attach the probe program to {}", name_of(ifindex)), error);
    static_cast<void>(take_libbpf_log());
    attached_.insert(ifindex);
    return Attached::kAnew;
}

/// A map of another shape is of another version, and says nothing.
void ProbeEncap::learn_flows(int former) const {
    bpf_map_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(former, &info, &size) != 0 || info.type != BPF_MAP_TYPE_LRU_HASH ||
        info.key_size != sizeof(abi::probe_flow) || info.value_size != sizeof(std::uint32_t) ||
        info.max_entries > abi::PROBE_FLOWS_MAX)
        return;
    std::vector<abi::probe_flow> flows(info.max_entries);
    std::vector<std::uint32_t> indices(info.max_entries);
    std::uint32_t position = 0, count = info.max_entries;
    if (bpf_map_lookup_batch(former, nullptr, &position, flows.data(), indices.data(), &count, nullptr) !=
            0 &&
        errno != ENOENT)
        return;
    bpf_map_update_batch(bpf_map__fd(skeleton_->maps.probe_flows), flows.data(), indices.data(), &count,
                         nullptr);
}

Result<void> ProbeEncap::share_flows(const Pins& pins) const {
    constexpr const char* kPin = "probe_flows";
    if (const auto former = pins.get(kPin))
        learn_flows(former->get());
    return pins.put(kPin, bpf_map__fd(skeleton_->maps.probe_flows));
}

int ProbeEncap::fd() const {
    return bpf_program__fd(skeleton_->progs.probe_encap);
}

Result<void> ProbeEncap::store(std::uint32_t index, const abi::probe_route& route) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.probe_routes), &index, &route, BPF_ANY) != 0)
        return fail("update map 'probe_routes' for {}: {}", abi::from_abi(route.backend).text(),
                    errno_text());
    return {};
}

std::vector<std::string> remove_probe_filters() {
    capture_libbpf_log();
    std::vector<std::string> interfaces;
    struct if_nameindex* all = if_nameindex();
    for (auto* each = all; each != nullptr && each->if_index != 0; ++each) {
        const auto hook = egress_of(static_cast<int>(each->if_index));
        auto options = our_filter();
        if (bpf_tc_detach(&hook, &options) == 0)
            interfaces.emplace_back(each->if_name);
    }
    if_freenameindex(all);
    static_cast<void>(take_libbpf_log());
    return interfaces;
}

/// The qdisc stays: others may have put filters on it since.
ProbeEncap::~ProbeEncap() {
    if (!skeleton_)
        return;
    for (const int ifindex : attached_) {
        const auto hook = egress_of(ifindex);
        auto options = our_filter();
        bpf_tc_detach(&hook, &options);
    }
    static_cast<void>(take_libbpf_log());
}

}  // namespace guideway::datapath
