// SPDX-License-Identifier: Apache-2.0
#include "model/balancer_model.hpp"

#include <algorithm>

#include "control/service_table.hpp"
#include "maglev/flow_hash.hpp"
#include "model/outgoing.hpp"
#include "model/router_rules.hpp"

namespace guideway::test {

namespace {
bool holds(const config::Prefix& prefix, const IpAddress& address) {
    if (prefix.address.is_v4() != address.is_v4())
        return false;
    for (unsigned bit = 0; bit < prefix.length; ++bit) {
        const auto mask = 0x80U >> (bit % 8);
        if (((prefix.address.wire()[bit / 8] ^ address.wire()[bit / 8]) & mask) != 0)
            return false;
    }
    return true;
}

bool is_denied(const config::Service& service, const IpAddress& sender) {
    return std::ranges::any_of(service.deny,
                               [&](const config::Prefix& prefix) { return holds(prefix, sender); });
}

bool is_served(const config::Service& service, const IpAddress& client) {
    const auto is_held = [&](const config::Prefix& prefix) { return holds(prefix, client); };
    const auto is_of_family = [&](const config::Prefix& prefix) {
        return prefix.address.is_v4() == client.is_v4();
    };
    if (is_denied(service, client))
        return false;
    return std::ranges::none_of(service.allow, is_of_family) || std::ranges::any_of(service.allow, is_held);
}

config::Tracking tracking_of(const config::Service& service, const ReadPacket& packet, bool quic) {
    const bool tracked = packet.protocol == 6 || quic;
    return service.tracking.value_or(tracked ? config::Tracking::kMoves : config::Tracking::kNever);
}
}  // namespace

BalancerModel::BalancerModel(const config::Config& config) : config_(config) {
    for (const auto& service : config_.services) {
        auto& own = services_[service.name];
        own.config = &service;
        std::vector<control::DesiredBackend> backends;
        for (const auto& backend : service.backends) {
            control::DesiredBackend desired;
            desired.member = {backend.address, backend.weight};
            backends.push_back(desired);
        }
        const auto table =
            control::serving_table_of(backends, config::table_size_of(service, config_.datapath));
        for (const auto owner : table.owners())
            own.owners.push_back(owner == maglev::kNobody
                                     ? std::nullopt
                                     : std::optional(table.base().members()[owner].address));
        for (const auto& listener : service.listeners)
            vips_.insert(listener.vip);
    }
}

void BalancerModel::move(const std::string& service, std::uint32_t slot, const IpAddress& owner,
                         const std::optional<IpAddress>& previous) {
    services_.at(service).owners.at(slot) = owner;
    services_.at(service).moving[slot] = {previous};
}

void BalancerModel::kill(const std::string& service, const IpAddress& backend) {
    services_.at(service).dead.insert(backend);
}

Decided BalancerModel::run(const Bytes& frame) {
    Decided decided;
    decided.frame = frame;
    decided.verdict = decide(decided);
    return decided;
}

abi::verdict BalancerModel::decide(Decided& decided) {
    ReadPacket packet = read_packet(decided.frame);
    auto verdict = packet.verdict;
    const bool for_many = !decided.frame.empty() && (decided.frame[0] & 1) != 0;
    const bool is_control = verdict == abi::VERDICT_ICMP && packet.fragment == FragmentPlace::kNone &&
                            packet.transport_left >= 8 && is_link_control(decided.frame, packet);
    if (for_many && !is_control && vips_.contains(packet.destination) &&
        (verdict == abi::VERDICT_NONE || verdict >= abi::VERDICT_FIRST_DROPPED))
        return abi::VERDICT_OTHER_HOST;
    if (verdict == abi::VERDICT_ICMP)
        verdict = icmp(decided, packet);
    if (verdict == abi::VERDICT_NONE)
        verdict = forward(decided, packet);
    if (verdict < abi::VERDICT_FIRST_DROPPED)
        return verdict;
    if (!decided.service && !vips_.contains(packet.destination))
        return abi::VERDICT_NOT_VIP;
    return verdict == abi::VERDICT_NO_LISTENER ? closed_port(decided, packet) : verdict;
}

abi::verdict BalancerModel::icmp(Decided& decided, ReadPacket& packet) {
    if (packet.fragment != FragmentPlace::kNone)
        return abi::VERDICT_FRAGMENT;
    if (packet.transport_left < 8)
        return abi::VERDICT_BAD_TRANSPORT_HEADER;
    if (is_link_control(decided.frame, packet))
        return vips_.contains(packet.destination) ? abi::VERDICT_LINK_CONTROL : abi::VERDICT_NOT_VIP;
    if (is_link_local(packet.source))
        return abi::VERDICT_IMPOSSIBLE_SOURCE;
    const int type = decided.frame[packet.transport];
    const int code = decided.frame[packet.transport + 1];
    const std::set<int> errors = packet.v4 ? std::set<int>{3, 11, 12} : std::set<int>{1, 2, 3, 4};
    if (errors.contains(type))
        return read_icmp_error(decided.frame, packet);
    if (type != (packet.v4 ? 8 : 128) || code != 0 || !vips_.contains(packet.destination))
        return abi::VERDICT_ICMP;
    if (const auto verdict = may_answer(decided.frame, packet, abi::VERDICT_ECHO_UNANSWERED);
        verdict != abi::VERDICT_NONE)
        return verdict;
    decided.frame = echo_reply(decided.frame, packet);
    return abi::VERDICT_ECHO_ANSWERED;
}

abi::verdict BalancerModel::may_answer(const Bytes& frame, const ReadPacket& packet,
                                       abi::verdict otherwise) const {
    if (!checksum_holds(frame, packet))
        return abi::VERDICT_BAD_CHECKSUM;
    return vips_.contains(packet.source) ? otherwise : abi::VERDICT_NONE;
}

abi::verdict BalancerModel::closed_port(Decided& decided, const ReadPacket& packet) const {
    if (!config_.datapath.answer_closed || packet.protocol != 17 || packet.icmp_error)
        return abi::VERDICT_NO_LISTENER;
    if (const auto verdict = may_answer(decided.frame, packet, abi::VERDICT_NO_LISTENER);
        verdict != abi::VERDICT_NONE)
        return verdict;
    decided.frame = port_unreachable(decided.frame, packet);
    return abi::VERDICT_CLOSED_ANSWERED;
}

abi::verdict BalancerModel::listen(Choice& choice, const ReadPacket& packet) {
    for (const bool any_port : {false, true}) {
        for (auto& [name, service] : services_) {
            for (const auto& listener : service.config->listeners) {
                if (listener.vip != packet.destination ||
                    static_cast<int>(listener.protocol) != packet.protocol ||
                    listener.port != (any_port ? 0 : packet.destination_port))
                    continue;
                choice.service = &service;
                choice.quic = listener.quic;
                return abi::VERDICT_NONE;
            }
        }
    }
    return abi::VERDICT_NO_LISTENER;
}

/// The rules of moving slots: the table of docs/connections.md.
std::optional<IpAddress> BalancerModel::place(Choice& choice, const ReadPacket& packet) {
    auto& service = *choice.service;
    const auto owner = service.owners.at(*choice.slot);
    const auto tracking = tracking_of(*service.config, packet, choice.quic);
    const auto moving = service.moving.find(*choice.slot);
    const bool always = tracking == config::Tracking::kAlways;
    if (tracking == config::Tracking::kNever || (moving == service.moving.end() && !always))
        return owner;

    const FlowTuple tuple{packet.source, packet.destination, packet.source_port, packet.destination_port,
                          packet.protocol};
    const auto record = service.records.find(tuple);
    const bool live = record != service.records.end() && !service.dead.contains(record->second);
    auto former = moving != service.moving.end() ? moving->second.previous : std::nullopt;
    const bool recording = former.has_value() || always;
    if (former && service.dead.contains(*former))
        former.reset();
    if (packet.icmp_error)
        return live ? record->second : former ? former : owner;
    const bool starts = packet.is_syn || (choice.quic && packet.is_quic_initial && !live);
    if (!starts && live)
        return record->second;
    const auto chosen = starts || !former ? owner : former;
    if (recording && chosen)
        service.records[tuple] = *chosen;
    else if (starts && !recording)
        service.records.erase(tuple);
    return chosen;
}

abi::verdict BalancerModel::choose(Choice& choice, const ReadPacket& packet) {
    const auto datagram = std::tuple(packet.source, packet.destination, packet.fragment_id,
                                     packet.v4 ? static_cast<int>(packet.protocol) : 0);
    if (packet.fragment == FragmentPlace::kLater) {
        const auto found = fragments_.find(datagram);
        if (found == fragments_.end())
            return abi::VERDICT_FRAGMENT;
        choice = found->second;
        return is_served(*choice.service->config, packet.source) ? abi::VERDICT_NONE
                                                                 : abi::VERDICT_CLIENT_DENIED;
    }
    if (const auto verdict = listen(choice, packet); verdict != abi::VERDICT_NONE)
        return verdict;
    if (!is_served(*choice.service->config, packet.source) ||
        (packet.icmp_error && is_denied(*choice.service->config, packet.sender)))
        return abi::VERDICT_CLIENT_DENIED;
    choice.hash = maglev::flow_hash(
        {packet.source, packet.destination, packet.source_port, packet.destination_port, packet.protocol},
        config_.hash_key, choice.service->config->affinity == config::Affinity::kClient);
    choice.slot =
        maglev::flow_slot(choice.hash, config::table_size_of(*choice.service->config, config_.datapath));
    choice.backend = place(choice, packet);
    if (!choice.backend)
        return abi::VERDICT_NO_BACKEND;
    if (packet.fragment == FragmentPlace::kFirst)
        fragments_[datagram] = choice;
    return abi::VERDICT_NONE;
}

abi::verdict BalancerModel::forward(Decided& decided, ReadPacket& packet) {
    Choice choice;
    const auto verdict = choose(choice, packet);
    if (choice.service != nullptr)
        decided.service = choice.service->config->name;
    decided.slot = choice.slot;
    decided.backend = choice.backend;
    if (verdict != abi::VERDICT_NONE)
        return verdict;

    const auto& backends = choice.service->config->backends;
    const auto& backend = *std::ranges::find(backends, *choice.backend, &config::Backend::address);
    const auto overhead = static_cast<std::uint32_t>(
        outer_headers_size(backend.address, choice.service->config->encapsulation));
    const std::uint32_t mtu = backend.mtu.value_or(0xffff);
    if (packet.length + overhead > mtu && (packet.v4 || packet.length > 1280)) {
        if (mtu == 0xffff)
            return abi::VERDICT_TOO_LONG;
        return too_big(decided, packet, mtu - overhead);
    }
    decided.frame =
        wrapped(decided.frame, packet, config_.datapath, *choice.service->config, backend, choice.hash);
    return abi::VERDICT_FORWARDED;
}

abi::verdict BalancerModel::too_big(Decided& decided, const ReadPacket& packet, std::uint32_t fits) const {
    if (!packet.dont_fragment)
        return abi::VERDICT_TOO_BIG_NO_DF;
    if (packet.icmp_error || packet.length < 512 || (packet.v4 && packet.fragment == FragmentPlace::kLater))
        return abi::VERDICT_TOO_BIG_UNANSWERED;
    if (const auto verdict = may_answer(decided.frame, packet, abi::VERDICT_TOO_BIG_UNANSWERED);
        verdict != abi::VERDICT_NONE)
        return verdict;
    decided.frame = too_big_answer(decided.frame, packet, packet.v4 ? fits : std::max(fits, 1280U));
    decided.backend.reset();
    return abi::VERDICT_TOO_BIG_ANSWERED;
}

}  // namespace guideway::test
