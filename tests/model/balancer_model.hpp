// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "config/model.hpp"
#include "model/packet_reader.hpp"

namespace guideway::test {

/// What becomes of a frame.
struct Decided {
    abi::verdict verdict = abi::VERDICT_NONE;
    std::optional<std::string> service;
    std::optional<IpAddress> backend;
    std::optional<std::uint32_t> slot;
    Bytes frame;  ///< as it leaves; of a dropped one, as it came
};

/// The balancer as plainly as it can be said: the same decisions as the XDP program's from the same
/// configuration, by lists and maps. Next hops are those of a replay; flows are tracked as
/// docs/connections.md says.
class BalancerModel {
  public:
    explicit BalancerModel(const config::Config& config);

    [[nodiscard]] Decided run(const Bytes& frame);

    /// Makes a slot move: its new owner, and who had it (nobody: tracking).
    void move(const std::string& service, std::uint32_t slot, const IpAddress& owner,
              const std::optional<IpAddress>& previous);
    void kill(const std::string& service, const IpAddress& backend);

    [[nodiscard]] std::optional<IpAddress> owner_of(const std::string& service, std::uint32_t slot) const {
        return services_.at(service).owners.at(slot);
    }

  private:
    using FlowTuple = std::tuple<IpAddress, IpAddress, std::uint16_t, std::uint16_t, std::uint8_t>;
    struct Moving {
        std::optional<IpAddress> previous;
    };
    struct Service {
        const config::Service* config = nullptr;
        std::vector<std::optional<IpAddress>> owners;
        std::map<std::uint32_t, Moving> moving;
        std::map<FlowTuple, IpAddress> records;
        std::set<IpAddress> dead;
    };
    struct Choice {
        Service* service = nullptr;
        std::optional<std::uint32_t> slot;
        std::optional<IpAddress> backend;
        std::uint64_t hash = 0;
        bool quic = false;
    };

    [[nodiscard]] abi::verdict decide(Decided& decided);
    [[nodiscard]] abi::verdict icmp(Decided& decided, ReadPacket& packet);
    [[nodiscard]] abi::verdict forward(Decided& decided, ReadPacket& packet);
    [[nodiscard]] abi::verdict choose(Choice& choice, const ReadPacket& packet);
    [[nodiscard]] abi::verdict listen(Choice& choice, const ReadPacket& packet);
    [[nodiscard]] std::optional<IpAddress> place(Choice& choice, const ReadPacket& packet);
    /// VERDICT_NONE: yes; `otherwise`: nothing is answered to this sender.
    [[nodiscard]] abi::verdict may_answer(const Bytes& frame, const ReadPacket& packet,
                                          abi::verdict otherwise) const;
    [[nodiscard]] abi::verdict closed_port(Decided& decided, const ReadPacket& packet) const;
    [[nodiscard]] abi::verdict too_big(Decided& decided, const ReadPacket& packet, std::uint32_t fits) const;

    config::Config config_;
    std::map<std::string, Service> services_;
    std::set<IpAddress> vips_;
    std::map<std::tuple<IpAddress, IpAddress, std::uint32_t, int>, Choice> fragments_;
};

}  // namespace guideway::test
