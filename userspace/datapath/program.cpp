// SPDX-License-Identifier: Apache-2.0
#include "datapath/program.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/random.h>

#include <bit>
#include <cstring>
#include <sstream>

#include "datapath/libbpf_log.hpp"
#include "guideway.skel.h"

namespace guideway::datapath {

namespace {
/// Of libbpf's warnings the last line that gives a reason: the verifier's, where it gives one.
std::string reason_in(const std::string& log) {
    std::string libbpf, verifier;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        const bool remark = line.starts_with("processed ") || line.starts_with("--");
        if (!remark)
            (line.starts_with("libbpf: ") ? libbpf : verifier) = line;
    }
    return verifier.empty() ? libbpf : verifier;
}

/// What it takes to tell the CPUs apart.
unsigned cpu_bits(const ProgramConstants& constants) {
    return constants.one_cpu ? 0 : std::bit_width(static_cast<unsigned>(libbpf_num_possible_cpus()) - 1);
}

void set_sizes(guideway_bpf& skeleton, const Geometry& geometry, const ProgramConstants& constants) {
    const auto& maps = skeleton.maps;
    const std::uint32_t services = service_entries(geometry.max_services);
    const std::uint32_t backends = backend_entries(geometry.max_backends);
    bpf_map__set_max_entries(maps.services, services);
    bpf_map__set_max_entries(maps.service_stats, services);
    bpf_map__set_max_entries(maps.icmp_errors, services);
    bpf_map__set_max_entries(maps.chances, services);
    bpf_map__set_max_entries(maps.outer_ids, 1U << cpu_bits(constants));
    bpf_map__set_max_entries(maps.tables, page_entries(geometry));
    bpf_map__set_max_entries(maps.previous, page_entries(geometry));
    bpf_map__set_max_entries(maps.flows, geometry.max_flows);
    bpf_map__set_max_entries(maps.backends, backends);
    bpf_map__set_max_entries(maps.backend_stats, backends);
}

bpf_map* find(const guideway_bpf& skeleton, const char* name) {
    return bpf_object__find_map_by_name(skeleton.obj, name);
}

Result<void> reuse(const guideway_bpf& skeleton, const MapFds& fds) {
    int error = 0;
    for_each_map(fds, [&](const char* name, const UniqueFd& fd) {
        if (fd && error == 0)
            error = bpf_map__reuse_fd(find(skeleton, name), fd.get());
    });
    if (error != 0)
        return fail("adopt the pinned maps: {}", errno_text(error));
    return {};
}

Result<void> write_abi(const guideway_bpf& skeleton, const Geometry& geometry) {
    const abi::abi value{.version = abi::GUIDEWAY_ABI_VERSION, .table_size = geometry.table_size};
    const std::uint32_t key = 0;
    if (bpf_map_update_elem(bpf_map__fd(skeleton.maps.abi), &key, &value, BPF_ANY) != 0)
        return fail("update map 'abi': {}", errno_text());
    return {};
}

/// Nobody guesses it, and as a group address no bridge forwards a frame that has it as its source.
Result<MacAddress> random_self_test_source() {
    MacAddress mac;
    if (::getrandom(mac.bytes.data(), mac.bytes.size(), 0) != static_cast<ssize_t>(mac.bytes.size()))
        return fail("draw a random number: {}", errno_text());
    mac.bytes[0] |= 1;
    return mac;
}

void set_constants(guideway_bpf& skeleton, const ProgramConstants& constants,
                   const MacAddress& self_test_source) {
    auto& values = *skeleton.rodata;
    std::memcpy(&values.hash_key_k0, constants.hash_key.data(), 8);
    std::memcpy(&values.hash_key_k1, constants.hash_key.data() + 8, 8);
    std::memcpy(&values.self_test_source, self_test_source.bytes.data(), self_test_source.bytes.size());
    values.record_decisions = constants.record_decisions;
    values.any_unicast_is_own = constants.any_unicast_is_own;
    values.outer_id_cpu_bits = static_cast<std::uint8_t>(cpu_bits(constants));
    values.answers_per_window = constants.answers_per_window.value_or(values.answers_per_window);
    values.errors_per_window = constants.errors_per_window.value_or(values.errors_per_window);
}
}  // namespace

std::unexpected<Error> bpf_failure(std::string_view action, int error_number) {
    const std::string log = take_libbpf_log();
    if (error_number < 0)
        error_number = -error_number;
    if (error_number == EPERM)
        return fail("{}: {}; run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON", action,
                    errno_text(error_number));
    if (log.empty())
        return fail("{}: {}", action, errno_text(error_number));
    return fail("{}: {} ({})", action, errno_text(error_number), reason_in(log));
}

void Program::Destroy::operator()(guideway_bpf* skeleton) const {
    guideway_bpf::destroy(skeleton);
}

Result<Program> Program::load(const Geometry& geometry, const ProgramConstants& constants,
                              const MapFds* adopted) {
    capture_libbpf_log();
    Skeleton skeleton(guideway_bpf::open());
    if (!skeleton)
        return bpf_failure("open the XDP program", errno);
    const auto self_test_source = random_self_test_source();
    if (!self_test_source)
        return std::unexpected(self_test_source.error());
    set_sizes(*skeleton, geometry, constants);
    set_constants(*skeleton, constants, *self_test_source);

    if (adopted != nullptr) {
        if (auto reused = reuse(*skeleton, *adopted); !reused)
            return std::unexpected(reused.error());
    }
    if (const int error = guideway_bpf::load(skeleton.get()); error != 0)
        return bpf_failure("load the XDP program", error);
    if (auto written = write_abi(*skeleton, geometry); !written)
        return std::unexpected(written.error());
    static_cast<void>(take_libbpf_log());
    return Program(std::move(skeleton), *self_test_source);
}

int Program::fd() const {
    return bpf_program__fd(skeleton_->progs.guideway);
}

Result<Maps> Program::maps() const {
    MapFds fds;
    for_each_map(fds, [&](const char* name, UniqueFd& fd) {
        fd.reset(::fcntl(bpf_map__fd(find(*skeleton_, name)), F_DUPFD_CLOEXEC, 0));
    });
    auto maps = Maps::adopt(std::move(fds), Maps::Access::kReadWrite);
    auto chances = this->chances();
    if (!chances)
        return std::unexpected(chances.error());
    if (maps)
        maps->use_chances(std::move(*chances));
    return maps;
}

Result<Chances> Program::chances() const {
    const auto duplicate = [&](const char* name) {
        return UniqueFd(::fcntl(bpf_map__fd(find(*skeleton_, name)), F_DUPFD_CLOEXEC, 0));
    };
    return Chances::open(duplicate("chances"), duplicate("chance_hops"));
}

Result<void> Program::allow_redirect(std::uint32_t interface, std::uint32_t device) const {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.interfaces), &interface, &device, BPF_ANY) != 0)
        return fail("update map 'interfaces' for interface {}: {}", interface, errno_text());
    return {};
}

/// Those that are new come before those that go, so that an address that stays is never missing.
Result<void> Program::set_link_addresses(const std::map<int, std::vector<MacAddress>>& addresses) {
    const int map = bpf_map__fd(skeleton_->maps.link_addresses);
    const auto key_of = [](const auto& entry) {
        abi::link_address key{};
        key.interface = static_cast<std::uint32_t>(entry.first);
        std::ranges::copy(entry.second.bytes, key.mac);
        return key;
    };
    std::set<std::pair<int, MacAddress>> wanted;
    for (const auto& [interface, macs] : addresses) {
        for (const auto& mac : macs)
            wanted.emplace(interface, mac);
    }
    for (const auto& entry : wanted) {
        const auto key = key_of(entry);
        const std::uint8_t present = 1;
        if (!link_addresses_.contains(entry) && bpf_map_update_elem(map, &key, &present, BPF_ANY) != 0)
            return fail("update map 'link_addresses' for interface {}: {}", entry.first, errno_text());
        link_addresses_.insert(entry);
    }
    std::erase_if(link_addresses_, [&](const auto& entry) {
        const auto key = key_of(entry);
        return !wanted.contains(entry) && bpf_map_delete_elem(map, &key) == 0;
    });
    return {};
}

std::optional<MacAddress> Program::link_address(int interface) const {
    const auto found = link_addresses_.lower_bound({interface, MacAddress{}});
    return found != link_addresses_.end() && found->first == interface ? std::optional(found->second)
                                                                       : std::nullopt;
}

Result<abi::decision> Program::last_decision() const {
    abi::decision decision{};
    const std::uint32_t key = 0;
    if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.decisions), &key, &decision) != 0)
        return fail("read map 'decisions': {}", errno_text());
    return decision;
}

}  // namespace guideway::datapath
