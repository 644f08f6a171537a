// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "datapath/mapped_array.hpp"
#include "datapath/pins.hpp"
#include "util/abi.hpp"
#include "util/result.hpp"

struct probe_encap_bpf;

namespace guideway::datapath {

/// The tc program that wraps health probes as traffic is wrapped. A probe's socket carries mark(index); the
/// route stored under that index says for which backend, and where it leaves. It is detached when this object
/// goes; an agent that was killed leaves a filter that its successor replaces.
class ProbeEncap {
  public:
    /// Room for `routes` of them; fewer if the mark has too few bits outside its mask (see capacity()).
    [[nodiscard]] static Result<ProbeEncap> load(config::ProbeMark mark, std::uint32_t routes);

    enum class Attached : bool { kAlready, kAnew };

    /// Wraps what leaves through this interface from now on, as well. Looks whether the filter is in its
    /// place, since others may take it away.
    [[nodiscard]] Result<Attached> attach(int ifindex);

    [[nodiscard]] int fd() const;
    [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
    [[nodiscard]] std::uint32_t mark(std::uint32_t index) const { return mark_.value | index; }

    /// Takes over what probes an earlier process sent, and pins that for the next one: the kernel may answer
    /// for a probe that is gone with the process that sent it.
    [[nodiscard]] Result<void> share_flows(const Pins& pins) const;

    /// Without PROBE_NEXT_HOP among its flags, probes under this index are dropped.
    [[nodiscard]] Result<void> store(std::uint32_t index, const abi::probe_route& route);
    /// How many packets were wrapped under this index.
    [[nodiscard]] std::uint64_t wrapped(std::uint32_t index) const {
        return __atomic_load_n(counts_.element<std::uint64_t>(index), __ATOMIC_RELAXED);
    }

    ProbeEncap(ProbeEncap&&) = default;
    ProbeEncap& operator=(ProbeEncap&&) = default;
    ~ProbeEncap();

  private:
    struct Destroy {
        void operator()(probe_encap_bpf* skeleton) const;
    };
    using Skeleton = std::unique_ptr<probe_encap_bpf, Destroy>;

    ProbeEncap(Skeleton skeleton, MappedArray counts, config::ProbeMark mark, std::uint32_t capacity,
               std::uint32_t program_id)
        : skeleton_(std::move(skeleton)),
          counts_(std::move(counts)),
          mark_(mark),
          capacity_(capacity),
          program_id_(program_id) {}

    [[nodiscard]] bool is_gone(int ifindex) const;

    void learn_flows(int former) const;

    Skeleton skeleton_;
    MappedArray counts_;
    config::ProbeMark mark_;
    std::uint32_t capacity_ = 0;
    std::uint32_t program_id_ = 0;
    std::set<int> attached_;
};

/// Takes away the filters that agents which were killed left, on all interfaces of this network namespace;
/// the interfaces' names.
[[nodiscard]] std::vector<std::string> remove_probe_filters();

}  // namespace guideway::datapath
