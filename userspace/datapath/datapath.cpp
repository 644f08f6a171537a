// SPDX-License-Identifier: Apache-2.0
#include "datapath/datapath.hpp"

#include <bpf/bpf.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "datapath/former_maps.hpp"

namespace guideway::datapath {

namespace {
/// What is pinned and fits, or why nothing does.
Result<Maps> adoptable(const Pins& pins, const Geometry& wanted) {
    auto maps = Maps::open(pins, Maps::Access::kReadWrite);
    if (!maps)
        return maps;
    const Geometry& found = maps->geometry();
    if (found != wanted)
        return fail("the pinned maps have table_size {}, max_services {}, max_backends {}, max_flows {}",
                    found.table_size, found.max_services, found.max_backends, found.max_flows);
    return maps;
}

std::uint32_t map_id(int fd) {
    bpf_map_info info{};
    std::uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info.id : 0;
}

/// 'abi' speaks for the others: it goes first and comes last, so that a crash in between leaves nothing to
/// adopt.
Result<void> pin(const Pins& pins, const Maps& maps) {
    Result<void> pinned = pins.remove("abi");
    for_each_map(maps.fds(), [&](const std::string_view name, const UniqueFd& fd) {
        if (pinned && name != "abi")
            pinned = pins.put(name, fd.get());
    });
    return pinned ? pins.put("abi", maps.fds().abi.get()) : pinned;
}
}  // namespace

Geometry geometry_of(const config::Datapath& datapath) {
    return {datapath.table_size, datapath.max_services, datapath.max_backends, datapath.max_flows};
}

Result<Datapath> Datapath::open(const config::Config& config) {
    auto pins = Pins::create(config.pins);
    if (!pins)
        return std::unexpected(pins.error());
    auto lock = ExclusiveLock::take(config.pins);
    if (!lock)
        return std::unexpected(lock.error());

    if (auto recovered = pins->recover(); !recovered)
        return std::unexpected(recovered.error());

    const Geometry geometry = geometry_of(config.datapath);
    std::string not_adopted_because;
    std::optional<Maps> pinned;
    std::optional<FormerMaps> former;
    if (!pins->empty()) {
        if (auto maps = adoptable(*pins, geometry))
            pinned = std::move(*maps);
        else if (auto found = FormerMaps::open(*pins, geometry))
            former = std::move(*found);
        else
            not_adopted_because = maps.error().message;
    }
    const MapFds* kept = pinned ? &pinned->fds() : former ? &former->kept() : nullptr;
    auto program = Program::load(geometry, {.hash_key = config.hash_key}, kept);
    if (!program)
        return std::unexpected(program.error());
    const bool are_pinned = pinned.has_value();
    auto maps = are_pinned ? Result<Maps>(std::move(*pinned)) : program->maps();
    if (!maps)
        return std::unexpected(maps.error());
    if (are_pinned) {
        auto chances = program->chances();
        if (!chances)
            return std::unexpected(chances.error());
        maps->use_chances(std::move(*chances));
    }
    if (former)
        former->carry_over_to(*maps);

    Datapath datapath(std::move(*lock), std::move(*pins), std::move(*program), std::move(*maps),
                      hash_key_id(config.hash_key));
    datapath.adopted_ = kept != nullptr;
    datapath.pinned_ = are_pinned;
    datapath.not_adopted_because_ = std::move(not_adopted_because);
    return datapath;
}

bool Datapath::hash_key_changed() const {
    HashKeyId found;
    std::ranges::copy(maps_.listener_index(0).hash_key_id, found.begin());
    return adopted_ && found != HashKeyId{} && found != hash_key_id_;
}

Result<void> Datapath::start_afresh(const config::Config& config, const std::string& because) {
    auto program = Program::load(geometry_of(config.datapath), {.hash_key = config.hash_key}, nullptr);
    if (!program)
        return std::unexpected(program.error());
    auto maps = program->maps();
    if (!maps)
        return std::unexpected(maps.error());
    program_ = std::move(*program);
    maps_ = std::move(*maps);
    adopted_ = pinned_ = false;
    not_adopted_because_ = because;
    return {};
}

Result<std::vector<Attachment>> Datapath::attach(const std::vector<std::string>& interfaces,
                                                 config::Mode mode) {
    if (auto connected = connect(indexes_of(interfaces)); !connected)
        return std::unexpected(connected.error());
    auto attachments = attachments_.attach(interfaces, mode, program_.fd());
    if (attachments)
        std::ranges::copy(hash_key_id_, maps_.listener_index(0).hash_key_id);
    if (!attachments || pinned_)
        return attachments;
    if (auto pinned = pin(pins_, maps_); !pinned)
        return std::unexpected(pinned.error());
    pinned_ = true;
    return attachments;
}

Result<void> Datapath::connect(const std::vector<unsigned>& interfaces) const {
    for (const auto index : interfaces) {
        if (auto allowed = index == 0 ? Result<void>{} : program_.allow_redirect(index, index); !allowed)
            return allowed;
    }
    return {};
}

Result<void> Datapath::leave_all_but(const std::vector<std::string>& interfaces) {
    return attachments_.leave_all_but(interfaces);
}

/// The program goes on without any pin, as this process has all of it open; only its successor would find
/// nothing.
std::vector<Repair> Datapath::repair() {
    std::vector<Repair> repairs;
    auto there = repair_directory();
    const auto pinned = there ? repair_pins() : std::unexpected(there.error());
    if (pinned && !pinned->empty())
        repairs.push_back({true, fmt::format("pins {}: {} had gone; pinned again", pins_.directory(),
                                             fmt::join(*pinned, ", "))});
    auto trouble = pinned ? "" : fmt::format("forwarding ends with this agent: {}", pinned.error().message);
    if (!trouble.empty() && trouble != pin_trouble_)
        repairs.push_back({false, trouble});
    pin_trouble_ = std::move(trouble);
    for (auto& repair : attachments_.repair())
        repairs.push_back(std::move(repair));
    std::vector<unsigned> indexes;
    for (const auto& interface : attachments_.states())
        indexes.push_back(interface.index);
    if (const auto connected = connect(indexes); !connected)
        repairs.push_back({false, connected.error().message});
    return repairs;
}

/// Whoever removed it may have been about to start another agent there.
Result<void> Datapath::repair_directory() {
    if (lock_.holds(pins_.directory()))
        return {};
    auto made = Pins::create(pins_.directory());
    if (!made)
        return std::unexpected(made.error());
    auto lock = ExclusiveLock::take(pins_.directory());
    if (!lock)
        return std::unexpected(lock.error());
    lock_ = std::move(*lock);
    return {};
}

/// The names of those that were missing, or held another map; 'abi' comes last. A pin that cannot be opened,
/// for want of descriptors say, is there.
Result<std::vector<std::string>> Datapath::repair_pins() const {
    std::vector<std::string> gone;
    for_each_map(maps_.fds(), [&](const std::string_view name, const UniqueFd& fd) {
        const auto pinned = pins_.get(name);
        if (pinned ? map_id(pinned->get()) != map_id(fd.get()) : !pins_.has(name))
            gone.emplace_back(name);
    });
    if (gone.empty())
        return gone;
    if (auto pinned = pin(pins_, maps_); !pinned)
        return std::unexpected(pinned.error());
    return gone;
}

Result<void> Datapath::remove() const {
    return remove_everything(pins_);
}

}  // namespace guideway::datapath
