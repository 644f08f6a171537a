// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "datapath/pins.hpp"
#include "util/abi.hpp"
#include "util/ip_address.hpp"
#include "util/mac_address.hpp"

struct backend_decap_bpf;

namespace guideway::datapath {

/// What the backend's program unwraps: packets that one of these balancers, or backends, sent for one of
/// these VIPs.
struct DecapRules {
    std::vector<config::Prefix> balancers;  ///< of their outer sources
    std::vector<config::Prefix> vips;
};

/// The way to another backend.
struct DecapPeer {
    MacAddress next_hop;
    MacAddress interface_mac;
    int interface = 0;

    bool operator==(const DecapPeer&) const = default;
};

/// Other backends, to which packets may be handed on; without a way while none is known.
using DecapPeers = std::map<IpAddress, std::optional<DecapPeer>>;

/// Packets by what the program did with them, since its maps were made.
using DecapCounts = std::array<std::uint64_t, abi::DECAP_VERDICT_MAX>;

/// The backend's XDP program, loaded.
class DecapProgram {
  public:
    /// With `pins` its maps are the ones pinned there, or are pinned there; they hold exactly these rules
    /// afterwards. A pinned map of another version, which this program cannot use, is replaced.
    [[nodiscard]] static Result<DecapProgram> load(const DecapRules& rules, const Pins* pins);

    [[nodiscard]] int fd() const;
    /// Whether it knows connections that are translated on this host (DNAT) as its own.
    [[nodiscard]] bool sees_translated() const { return sees_translated_; }
    /// The maps of another version that load() replaced.
    [[nodiscard]] const std::vector<std::string>& replaced() const { return replaced_; }

    /// Adds these rules to those that hold. Errors: a map is full.
    [[nodiscard]] Result<void> add(const DecapRules& rules) const;
    /// Takes all others away.
    void keep_only(const DecapRules& rules) const;
    /// To whom packets may be handed on: these, and no others. Errors: a map is full.
    [[nodiscard]] Result<void> set_peers(const DecapPeers& peers) const;

    /// Compares what its maps hold, and where they are pinned, with what should be. The names of those that
    /// were brought back.
    [[nodiscard]] Result<std::vector<std::string>> repair(const DecapRules& rules, const Pins& pins) const;
    [[nodiscard]] Result<DecapCounts> counts() const;

  private:
    struct Destroy {
        void operator()(backend_decap_bpf* skeleton) const;
    };
    using Skeleton = std::unique_ptr<backend_decap_bpf, Destroy>;

    DecapProgram(Skeleton skeleton, bool sees_translated)
        : skeleton_(std::move(skeleton)), sees_translated_(sees_translated) {}
    /// With the program that asks connection tracking, or the one that does not.
    [[nodiscard]] static Result<DecapProgram> load(const DecapRules& rules, const Pins* pins,
                                                   bool sees_translated);

    Skeleton skeleton_;
    bool sees_translated_ = false;
    std::vector<std::string> replaced_;
};

/// What the pinned maps of a program hold that some process has left. Errors: there are none.
struct PinnedDecap {
    DecapRules rules;
    DecapCounts counts{};
};
[[nodiscard]] Result<PinnedDecap> read_pinned_decap(const Pins& pins);

}  // namespace guideway::datapath
