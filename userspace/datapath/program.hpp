// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "datapath/maps.hpp"
#include "util/mac_address.hpp"

struct guideway_bpf;

namespace guideway::datapath {

/// What is compiled into the program as constants.
struct ProgramConstants {
    std::array<std::uint8_t, 16> hash_key{};
    bool record_decisions = false;    ///< for programs that are run on test frames
    bool any_unicast_is_own = false;  ///< whatever host a frame is for, it is this one
    bool one_cpu = false;             ///< outer IDs are the same in every run, whatever CPU it is on
    std::optional<std::uint32_t> answers_per_window{};  ///< that a CPU gives; nothing: the default
    std::optional<std::uint32_t> errors_per_window{};   ///< ICMP errors a service gets from a CPU; the same
};

/// The balancer's XDP program, loaded: verified and compiled, not yet attached.
class Program {
  public:
    /// Uses the open maps of `adopted`, which must have this geometry, and makes the others, empty.
    [[nodiscard]] static Result<Program> load(const Geometry& geometry, const ProgramConstants& constants,
                                              const MapFds* adopted);

    [[nodiscard]] int fd() const;
    /// The maps that the program uses.
    [[nodiscard]] Result<Maps> maps() const;
    /// Those that are not pinned, by which packets name former owners.
    [[nodiscard]] Result<Chances> chances() const;
    /// Lets packets whose next hop is on `interface` leave by it, although they did not come from there.
    /// `device` is the interface's index (in tests: another).
    [[nodiscard]] Result<void> allow_redirect(std::uint32_t interface, std::uint32_t device) const;
    /// Whose frames it takes for this host's own: to these addresses on these interfaces, and no others.
    [[nodiscard]] Result<void> set_link_addresses(const std::map<int, std::vector<MacAddress>>& addresses);
    /// One that it was told of for that interface.
    [[nodiscard]] std::optional<MacAddress> link_address(int interface) const;
    /// By this Ethernet source it knows frames of ours, which are counted and recorded nowhere. Only for test
    /// runs: whoever learns it can send such frames.
    [[nodiscard]] const MacAddress& self_test_source() const { return self_test_source_; }
    /// What it decided about the last packet, if it records decisions.
    [[nodiscard]] Result<abi::decision> last_decision() const;

  private:
    struct Destroy {
        void operator()(guideway_bpf* skeleton) const;
    };
    using Skeleton = std::unique_ptr<guideway_bpf, Destroy>;

    Program(Skeleton skeleton, const MacAddress& self_test_source)
        : skeleton_(std::move(skeleton)), self_test_source_(self_test_source) {}

    Skeleton skeleton_;
    MacAddress self_test_source_;
    std::set<std::pair<int, MacAddress>> link_addresses_;
};

/// The sentence for a BPF system call that the kernel refused.
[[nodiscard]] std::unexpected<Error> bpf_failure(std::string_view action, int error_number);

}  // namespace guideway::datapath
