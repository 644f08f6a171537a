// SPDX-License-Identifier: Apache-2.0
#include "control/replayer.hpp"

#include <limits>

#include "control/backend_entry.hpp"
#include "datapath/datapath.hpp"
#include "datapath/test_run.hpp"

namespace guideway::control {

namespace {
constexpr MacAddress kNextHopMac{{0x02, 0, 0, 0, 0, 0x01}};
constexpr MacAddress kInterfaceMac{{0x02, 0, 0, 0, 0, 0x02}};
/// Outer sources where the configuration names none: the IPv4 dummy address (RFC 7600), the discard prefix
/// (RFC 6666).
constexpr const char* kSource = "192.0.0.8";
constexpr const char* kSource6 = "100::1";
}  // namespace

net::NextHop replayed_next_hop(const config::Datapath& datapath, const DesiredBackend& backend) {
    const bool v4 = backend.member.address.is_v4();
    const auto& configured = v4 ? datapath.source : datapath.source6;
    net::NextHop next_hop{
        .ifindex = datapath::kTestRunInterface,
        .port = {.ifindex = datapath::kTestRunInterface, .vlan = {}},
        .mac = backend.mac.value_or(kNextHopMac),
        .source_mac = kInterfaceMac,
        .source = configured.value_or(*IpAddress::parse(v4 ? kSource : kSource6)),
        .mtu = backend.mtu.value_or(abi::BACKEND_MTU_UNLIMITED),
    };
    vary_source(next_hop, datapath.source_prefix);
    return next_hop;
}

Result<std::unique_ptr<Replayer>> Replayer::create(const config::Config& config, Decisions decisions) {
    auto program = datapath::Program::load(datapath::geometry_of(config.datapath),
                                           {.hash_key = config.hash_key,
                                            .record_decisions = decisions == Decisions::kRecorded,
                                            .any_unicast_is_own = true,
                                            .one_cpu = true,
                                            .answers_per_window = std::numeric_limits<std::uint32_t>::max(),
                                            .errors_per_window = std::numeric_limits<std::uint32_t>::max()},
                                           nullptr);
    if (!program)
        return std::unexpected(program.error());
    auto maps = program->maps();
    if (!maps)
        return std::unexpected(maps.error());
    std::unique_ptr<Replayer> replayer(new Replayer(std::move(*program), std::move(*maps)));
    const auto available = [](const auto&, const auto&) { return Condition{}; };
    const auto next_hop_of = [&](const DesiredBackend& backend) {
        return replayed_next_hop(config.datapath, backend);
    };
    auto applied = replayer->reconciler_.apply(desired_state(config, available), next_hop_of, {});
    if (!applied)
        return std::unexpected(applied.error());
    return replayer;
}

Result<Outcome> Replayer::run(std::span<const std::uint8_t> frame) const {
    if (frame.size() < datapath::kShortestTestFrame)
        return Outcome{.verdict = abi::VERDICT_TOO_SHORT,
                       .service = {},
                       .backend = {},
                       .slot = {},
                       .frame = {frame.begin(), frame.end()}};
    auto run = datapath::test_run(program_.fd(), frame);
    if (!run)
        return std::unexpected(run.error());
    const auto decision = program_.last_decision();
    if (!decision)
        return std::unexpected(decision.error());

    Outcome outcome;
    outcome.verdict = static_cast<abi::verdict>(decision->verdict);
    outcome.frame = std::move(run->frame);
    if (decision->service != 0)
        outcome.service = maps_.service(decision->service).name;
    if (decision->backend != 0)
        outcome.backend = abi::from_abi(maps_.backend(decision->backend).address);
    if (decision->slot != abi::DECISION_NO_SLOT)
        outcome.slot = decision->slot;
    return outcome;
}

}  // namespace guideway::control
