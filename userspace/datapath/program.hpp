// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "datapath/maps.hpp"

struct guideway_bpf;

namespace guideway::datapath {

/// What is compiled into the program as constants.
struct ProgramConstants {
    std::array<std::uint8_t, 16> hash_key{};
    bool record_decisions = false;                      ///< for programs that are run on test frames
    std::optional<std::uint32_t> answers_per_window{};  ///< too-big answers a CPU gives; nothing: the default
};

/// The balancer's XDP program, loaded: verified and compiled, not yet attached.
class Program {
  public:
    /// With `adopted` the program uses those maps, otherwise new, empty ones. Their geometry is the one
    /// given.
    [[nodiscard]] static Result<Program> load(const Geometry& geometry, const ProgramConstants& constants,
                                              const Maps* adopted);

    [[nodiscard]] int fd() const;
    /// The maps that the program uses.
    [[nodiscard]] Result<Maps> maps() const;
    /// Lets packets whose next hop is on `interface` leave by it, although they did not come from there.
    /// `device` is the interface's index (in tests: another).
    [[nodiscard]] Result<void> allow_redirect(std::uint32_t interface, std::uint32_t device) const;
    /// What it decided about the last packet, if it records decisions.
    [[nodiscard]] Result<abi::decision> last_decision() const;

  private:
    struct Destroy {
        void operator()(guideway_bpf* skeleton) const;
    };
    using Skeleton = std::unique_ptr<guideway_bpf, Destroy>;

    explicit Program(Skeleton skeleton) : skeleton_(std::move(skeleton)) {}

    Skeleton skeleton_;
};

/// The sentence for a BPF system call that the kernel refused.
[[nodiscard]] std::unexpected<Error> bpf_failure(std::string_view action, int error_number);

}  // namespace guideway::datapath
