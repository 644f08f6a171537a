// SPDX-License-Identifier: Apache-2.0
#include "datapath/datapath.hpp"

#include <bpf/bpf.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>

#include "util/keyed_digest.hpp"

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

/// What may be told of a key.
std::array<std::uint64_t, 2> hash_key_id(const config::HashKey& key) {
    const auto digest = keyed_digest(key, "guideway hash key");
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), digest.data(), sizeof(words));
    return words;
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
    if (!pins->empty()) {
        if (auto maps = adoptable(*pins, geometry))
            pinned = std::move(*maps);
        else
            not_adopted_because = maps.error().message;
    }
    auto program = Program::load(geometry, {.hash_key = config.hash_key}, pinned ? &*pinned : nullptr);
    if (!program)
        return std::unexpected(program.error());
    const bool adopted = pinned.has_value();
    auto maps = adopted ? Result<Maps>(std::move(*pinned)) : program->maps();
    if (!maps)
        return std::unexpected(maps.error());

    Datapath datapath(std::move(*lock), std::move(*pins), std::move(*program), std::move(*maps),
                      hash_key_id(config.hash_key));
    datapath.pinned_ = adopted;
    datapath.not_adopted_because_ = std::move(not_adopted_because);
    return datapath;
}

bool Datapath::hash_key_changed() const {
    HashKeyId found;
    std::ranges::copy(maps_.listener_index(0).hash_key_id, found.begin());
    return pinned_ && found != HashKeyId{} && found != hash_key_id_;
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
    pinned_ = false;
    not_adopted_because_ = because;
    return {};
}

Result<Attachment> Datapath::attach(const std::string& interface, config::Mode mode) {
    auto attachment = datapath::attach(pins_, interface, program_.fd(), mode);
    if (attachment)
        std::ranges::copy(hash_key_id_, maps_.listener_index(0).hash_key_id);
    if (!attachment || pinned_)
        return attachment;
    if (auto pinned = pin(pins_, maps_); !pinned)
        return std::unexpected(pinned.error());
    pinned_ = true;
    return attachment;
}

Result<void> Datapath::connect(const std::vector<std::string>& interfaces) const {
    for (const auto& interface : interfaces) {
        const unsigned index = if_nametoindex(interface.c_str());
        if (index == 0)
            continue;
        if (auto allowed = program_.allow_redirect(index, index); !allowed)
            return allowed;
    }
    return {};
}

Result<void> Datapath::leave_all_but(const std::vector<std::string>& interfaces) const {
    for (const auto& other : pins_.linked_interfaces()) {
        if (std::ranges::find(interfaces, other) != interfaces.end())
            continue;
        if (auto detached = detach(pins_, other); !detached)
            return detached;
    }
    return {};
}

Result<void> Datapath::check_pins() const {
    Result<void> checked;
    for_each_map(maps_.fds(), [&](const std::string_view name, const UniqueFd& fd) {
        if (!checked)
            return;
        const auto pinned = pins_.get(name);
        if (!pinned)
            checked = std::unexpected(pinned.error());
        else if (map_id(pinned->get()) != map_id(fd.get()))
            checked = fail("the pin '{}' holds another map than the program uses", pins_.path(name));
    });
    return checked;
}

Result<void> Datapath::remove() const {
    return remove_everything(pins_);
}

}  // namespace guideway::datapath
