// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "control/reconciler.hpp"
#include "datapath/maps.hpp"
#include "datapath/program.hpp"

namespace guideway::control {

/// What the balancer would do with one frame.
struct Outcome {
    abi::verdict verdict = abi::VERDICT_NONE;
    std::optional<std::string> service;
    std::optional<IpAddress> backend;
    std::optional<std::uint32_t> slot;
    std::vector<std::uint8_t> frame;  ///< as it would be sent or passed
};

/// Whether the program records what it decides, which costs time, and what run() reports.
enum class Decisions : bool { kNotRecorded, kRecorded };

/// A balancer that is attached to nothing: the real program, with maps of its own filled from a
/// configuration. Every backend is available; next hops are made up unless the configuration names their
/// MACs.
class Replayer {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Replayer>> create(const config::Config& config,
                                                                  Decisions decisions = Decisions::kRecorded);

    /// One frame, from the Ethernet header on, through the program (BPF_PROG_TEST_RUN). Errors: the kernel's.
    [[nodiscard]] Result<Outcome> run(std::span<const std::uint8_t> frame) const;

    [[nodiscard]] int program_fd() const { return program_.fd(); }
    [[nodiscard]] const datapath::Program& program() const { return program_; }
    [[nodiscard]] const datapath::Maps& maps() const { return maps_; }
    [[nodiscard]] Reconciler& reconciler() { return reconciler_; }

  private:
    Replayer(datapath::Program program, datapath::Maps maps)
        : program_(std::move(program)), maps_(std::move(maps)), reconciler_(maps_) {}

    datapath::Program program_;
    datapath::Maps maps_;
    Reconciler reconciler_;
};

/// The next hop that a replay gives a backend.
[[nodiscard]] net::NextHop replayed_next_hop(const config::Datapath& datapath, const DesiredBackend& backend);

}  // namespace guideway::control
