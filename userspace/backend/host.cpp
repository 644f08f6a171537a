// SPDX-License-Identifier: Apache-2.0
#include "backend/host.hpp"

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "backend/arp_settings.hpp"
#include "backend/host_check.hpp"
#include "datapath/privileges.hpp"
#include "net/interface.hpp"

namespace guideway::backend {

namespace {
std::vector<config::Prefix> local_vips_of(const config::BackendHost& config) {
    return config.addresses ? config.vips : std::vector<config::Prefix>{};
}

Result<void> undo_everything(net::Netlink& netlink, const datapath::Pins& pins, UndoList& undo) {
    auto done = datapath::remove_everything(pins);
    if (done)
        done = LocalVips(netlink, undo).keep_only({});
    if (done)
        done = restore_arp_of_all_but({}, undo);
    return done ? undo.remove() : done;
}

void tell(const std::vector<datapath::Attachment>& attached) {
    for (const auto& each : attached) {
        if (!each.fallback.empty())
            spdlog::warn("{}: its driver refuses native XDP ({}); attached in generic mode, which is slower",
                         each.interface, each.fallback);
        spdlog::info("{}: {} ({} XDP)", each.interface,
                     each.replaced ? "took over from an earlier helper" : "unwrapping",
                     each.native ? "native" : "generic");
    }
}
}  // namespace

datapath::DecapRules rules_of(const config::BackendHost& config) {
    return {config.balancers, config.vips};
}

Host::Host(const config::BackendHost& config, net::Netlink netlink, ExclusiveLock lock, datapath::Pins pins)
    : config_(config),
      netlink_(std::move(netlink)),
      lock_(std::move(lock)),
      pins_(std::move(pins)),
      undo_(UndoList::read(config.runtime_dir)),
      attachments_(pins_) {}

Result<std::unique_ptr<Host>> Host::set_up(const config::BackendHost& config) {
    if (auto allowed = datapath::check_privileges(); !allowed)
        return std::unexpected(allowed.error());
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    auto lock = ExclusiveLock::make_and_take(config.runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    auto pins = datapath::Pins::create(config.pins);
    if (!pins)
        return std::unexpected(pins.error());
    std::unique_ptr<Host> host(new Host(config, std::move(*netlink), std::move(*lock), std::move(*pins)));
    if (auto done = host->set_up_kernel(); !done)
        return std::unexpected(done.error());
    return host;
}

Result<void> Host::set_up_kernel() {
    auto done = attachments_.check(config_.interfaces);
    if (done)
        done = local_vips_.check(local_vips_of(config_));
    if (!done)
        return done;
    auto program = datapath::DecapProgram::load(rules_of(config_), &pins_);
    if (!program)
        return std::unexpected(program.error());
    program_.emplace(std::move(*program));
    for (const auto& map : program_->replaced())
        spdlog::warn("pins {}: '{}' is another version's; a new one has taken its place", pins_.directory(),
                     map);
    if (!program_->sees_translated() && !config_.backends.empty())
        spdlog::warn(
            "this kernel cannot be asked for tracked connections: packets of those that are translated on "
            "this "
            "host (DNAT, to containers) may be handed on; load nf_conntrack, and start this again");
    done = make_room_for(config_);
    if (done)
        done = leave_all_but(config_);
    return done;
}

/// Adds what the configuration needs; nothing that another needs is taken away.
Result<void> Host::make_room_for(const config::BackendHost& next) {
    auto done = silence_interfaces(next);
    if (done)
        done = local_vips_.add(local_vips_of(next));
    if (done)
        done = program_->add(rules_of(next));
    if (!done)
        return done;
    const auto attached = attachments_.attach(next.interfaces, config::Mode::kAuto, program_->fd());
    if (!attached)
        return std::unexpected(attached.error());
    tell(*attached);
    for (const auto& interface : attachments_.states()) {
        if (!interface.attached)
            spdlog::warn("{}; it is used as soon as it is there", interface.trouble);
    }
    return {};
}

/// Takes away what only others needed.
Result<void> Host::leave_all_but(const config::BackendHost& next) {
    program_->keep_only(rules_of(next));
    auto done = attachments_.leave_all_but(next.interfaces);
    if (done)
        done = local_vips_.keep_only(local_vips_of(next));
    if (done)
        done = restore_arp_of_all_but(devices_of(next), undo_);
    return done;
}

Result<void> Host::change_to(const config::BackendHost& next) {
    auto possible = attachments_.check(next.interfaces);
    if (possible)
        possible = local_vips_.check(local_vips_of(next));
    if (!possible)
        return possible;
    if (auto made = make_room_for(next); !made) {
        if (auto back = leave_all_but(config_); !back)
            spdlog::error("go back to what ran before: {}", back.error().message);
        return made;
    }
    config_ = next;
    if (auto left = leave_all_but(config_); !left)
        spdlog::error("{}", left.error().message);  // what should not be is there still; the rest holds
    told_.clear();
    return {};
}

std::vector<std::string> Host::devices_of(const config::BackendHost& config) const {
    std::vector<std::string> names;
    for (const unsigned index : attachments_.indexes_of(config.interfaces)) {
        char name[IF_NAMESIZE] = {};
        if (index != 0 && ::if_indextoname(index, name) != nullptr)
            names.emplace_back(name);
    }
    return names;
}

std::vector<std::string> Host::devices() const {
    return devices_of(config_);
}

Result<void> Host::silence_interfaces(const config::BackendHost& config) {
    for (const auto& device : devices_of(config)) {
        if (auto silenced = silence_arp(device, undo_); !silenced)
            return silenced;
    }
    return {};
}

void Host::repair() {
    settings_.tell(repair_settings());
    vips_.tell(local_vips_.add(local_vips_of(config_)));
    pinned_.tell(repair_pins());
    for (const auto& repair : attachments_.repair())
        spdlog::log(repair.done ? spdlog::level::warn : spdlog::level::err, "{}", repair.text);
    const auto present = troubles_of_host(netlink_, devices(), config_.vips);
    for (const auto& trouble : present) {
        if (!told_.contains(trouble))
            spdlog::warn("{}", trouble);
    }
    told_ = {present.begin(), present.end()};
}

Result<void> Host::repair_settings() {
    if (!lock_.holds(config_.runtime_dir)) {
        auto lock = ExclusiveLock::make_and_take(config_.runtime_dir);
        if (!lock)
            return std::unexpected(lock.error());
        lock_ = std::move(*lock);
        if (auto written = undo_.write(); !written)
            return written;
        spdlog::warn("{} had gone; it is there again", config_.runtime_dir);
    }
    return silence_interfaces(config_);
}

Result<void> Host::repair_pins() {
    if (auto made = datapath::Pins::create(pins_.directory()); !made)
        return std::unexpected(made.error());
    const auto repaired = program_->repair(rules_of(config_), pins_);
    if (!repaired)
        return std::unexpected(repaired.error());
    for (const auto& map : *repaired)
        spdlog::warn("pins {}: {} was not as it should be; it is again", pins_.directory(), map);
    return {};
}

std::vector<config::Prefix> Host::missing_vips() {
    auto vips = config_.vips;
    if (!config_.addresses)  // members of pools come and go
        std::erase_if(vips, [](const config::Prefix& vip) { return !vip.is_address(); });
    return backend::missing_vips(netlink_, vips);
}

std::vector<std::string> Host::troubles() {
    std::vector<std::string> troubles;
    for (const auto* complaint : {&settings_, &vips_, &pinned_}) {
        if (!complaint->current().empty())
            troubles.push_back(complaint->current());
    }
    for (const auto& interface : attachments_.states()) {
        if (!interface.trouble.empty())
            troubles.push_back(interface.trouble);
    }
    const auto of_host = troubles_of_host(netlink_, devices(), config_.vips);
    troubles.insert(troubles.end(), of_host.begin(), of_host.end());
    return troubles;
}

Result<void> Host::undo() {
    return undo_everything(netlink_, pins_, undo_);
}

Result<void> undo_backend_host(const std::string& runtime_dir, const std::string& directory) {
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    const auto lock = ExclusiveLock::make_and_take(runtime_dir);
    if (!lock)
        return std::unexpected(lock.error());
    auto undo = UndoList::read(runtime_dir);
    const auto pins = datapath::Pins::create(directory);
    if (!pins)
        return std::unexpected(pins.error());
    return undo_everything(*netlink, *pins, undo);
}

}  // namespace guideway::backend
