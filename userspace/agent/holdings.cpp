// SPDX-License-Identifier: Apache-2.0
#include "agent/holdings.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "control/desired_state.hpp"
#include "control/numbering.hpp"
#include "datapath/privileges.hpp"

namespace guideway::agent {

namespace {
/// What the adopted maps still hold of other services and backends may leave too little room for these.
Result<void> make_room(datapath::Datapath& datapath, const config::Config& config) {
    if (!datapath.adopted())
        return {};
    const auto numbered = control::renumber(control::read_numbering(datapath.maps()),
                                            control::desired_state(config), datapath.maps().geometry());
    return numbered ? Result<void>{} : datapath.start_afresh(config, numbered.error().message);
}

void warn_of_changes(const datapath::Datapath& datapath) {
    if (!datapath.not_adopted_because().empty())
        spdlog::warn("not adopted: {}; new maps are filled, then take their place",
                     datapath.not_adopted_because());
    if (datapath.carried_over())
        spdlog::info("the maps of an agent of the ABI version before were taken over, moving slots and all");
    if (datapath.hash_key_changed())
        spdlog::warn(
            "the hash key is another than the one that this balancer placed flows by until now: nearly all "
            "of them go to other backends, and their connections break; every balancer needs the same key");
}
}  // namespace

Result<Holdings> take_hold(const config::Config& config) {
    if (auto allowed = datapath::check_privileges(); !allowed)
        return std::unexpected(allowed.error());
    auto lock = ExclusiveLock::make_and_take(config.runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    auto overrides = OverridesFile::open(config, *lock);
    if (!overrides)
        return std::unexpected(overrides.error());
    auto datapath = datapath::Datapath::open(config);
    if (!datapath)
        return std::unexpected(datapath.error());
    if (auto room = make_room(*datapath, config); !room)
        return std::unexpected(room.error());
    warn_of_changes(*datapath);
    return Holdings{std::move(*lock), std::move(*overrides), std::move(*datapath)};
}

}  // namespace guideway::agent
