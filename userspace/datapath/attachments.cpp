// SPDX-License-Identifier: Apache-2.0
#include "datapath/attachments.hpp"

#include <bpf/bpf.h>
#include <fmt/ranges.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

namespace guideway::datapath {

namespace {
/// What the interface is called now; empty if there is none. Nothing if that cannot be told: asking takes a
/// descriptor.
std::optional<std::string> name_at(unsigned index) {
    char name[IF_NAMESIZE] = {};
    if (index == 0 || if_indextoname(index, name) != nullptr)
        return name;
    return errno == ENXIO || errno == ENODEV ? std::optional<std::string>("") : std::nullopt;
}

/// 0 if there is none; nothing if that cannot be told.
std::optional<unsigned> index_of(const std::string& interface) {
    const unsigned index = if_nametoindex(interface.c_str());
    return index != 0 || errno == ENODEV || errno == ENXIO ? std::optional(index) : std::nullopt;
}

std::string_view text(bool native) {
    return native ? "native" : "generic";
}

std::unexpected<Error> no_such_interface(const std::vector<std::string>& interfaces) {
    return fail("attach to {}: no such interface; name one that `ip link` shows",
                fmt::join(interfaces, " and "));
}

config::Mode mode_of(bool native) {
    return native ? config::Mode::kNative : config::Mode::kGeneric;
}
}  // namespace

/// An interface that the program is attached to stays the one that is meant, whatever it is called by now,
/// and whatever has taken its name; unless the configuration has its new name, too.
std::vector<unsigned> Attachments::indexes_of(const std::vector<std::string>& interfaces) const {
    std::vector<unsigned> indexes;
    for (const auto& interface : interfaces)
        indexes.push_back(index_of(interface).value_or(0));
    const auto named = indexes;
    for (std::size_t i = 0; i < indexes.size(); ++i) {
        const auto followed = followed_index(interfaces[i]);
        const bool has_other_name = std::ranges::find(named, followed) != named.end();
        if (followed != 0 && !has_other_name)
            indexes[i] = followed;
    }
    return indexes;
}

/// Where this process, or an earlier one, attached to it. Where the program was detached, the name tells
/// first.
unsigned Attachments::followed_index(const std::string& interface) const {
    if (const auto link = links_.find(interface); link != links_.end()) {
        if (const auto index = facts_of_link(link->second.fd.get()).index; index != 0)
            return index;
        return if_nametoindex(interface.c_str()) == 0 && name_at(link->second.index) != ""
                   ? link->second.index
                   : 0;
    }
    const auto pinned = pins_.get(link_pin_name(interface));
    return pinned ? facts_of_link(pinned->get()).index : 0;
}

Result<void> Attachments::check(const std::vector<std::string>& interfaces) const {
    const auto indexes = indexes_of(interfaces);
    if (std::ranges::all_of(indexes, [](unsigned index) { return index == 0; }))
        return no_such_interface(interfaces);
    for (std::size_t i = 0; i < indexes.size(); ++i) {
        if (auto free = indexes[i] == 0 || is_ours(indexes[i]) ? Result<void>{}
                                                               : check_free(interfaces[i], indexes[i]);
            !free)
            return free;
    }
    return {};
}

bool Attachments::is_ours(unsigned index) const {
    return std::ranges::any_of(pins_.linked_interfaces(),
                               [&](const std::string& name) {
                                   const auto pinned = pins_.get(link_pin_name(name));
                                   return pinned && facts_of_link(pinned->get()).index == index;
                               }) ||
           std::ranges::any_of(
               links_, [&](const auto& link) { return facts_of_link(link.second.fd.get()).index == index; });
}

Result<std::vector<Attachment>> Attachments::attach(const std::vector<std::string>& interfaces,
                                                    config::Mode mode, int program_fd) {
    if (auto checked = check(interfaces); !checked)
        return std::unexpected(checked.error());
    const auto indexes = indexes_of(interfaces);
    std::map<std::string, unsigned> present;
    for (std::size_t i = 0; i < interfaces.size(); ++i) {
        if (indexes[i] != 0)
            present[interfaces[i]] = indexes[i];
    }
    Done done;
    auto attached = attach_all(present, mode, program_fd, done);
    if (!attached) {
        undo(done, program_fd);
        return std::unexpected(attached.error());
    }
    mode_ = mode;
    program_fd_ = program_fd;
    note_states(interfaces);
    std::vector<Attachment> attachments;
    for (auto& [name, attachment] : *attached)
        attachments.push_back(std::move(attachment));
    return attachments;
}

/// What may be refused comes first; what is attached already is touched last, and most gently.
Result<std::map<std::string, Attachment>> Attachments::attach_all(
    const std::map<std::string, unsigned>& interfaces, config::Mode mode, int program_fd, Done& done) {
    std::map<std::string, Attachment> attachments;
    for (const auto& [name, index] : interfaces) {
        if (auto kept = keep_vlan_tags(name_at(index).value_or(name)); !kept)
            return std::unexpected(kept.error());
    }
    std::set<std::string> adopted;
    for (const auto& [name, index] : interfaces) {
        if (adopt(name, index))
            adopted.insert(name);
    }
    for (const auto& [name, index] : interfaces) {
        if (adopted.contains(name))
            continue;
        auto made = make(name, index, mode, program_fd, Pinning::kRequired);
        if (!made)
            return std::unexpected(made.error());
        done.made.push_back(name);
        attachments[name] = std::move(*made);
    }
    for (const bool same_mode : {false, true}) {
        for (const auto& [name, index] : interfaces) {
            const auto& link = links_.at(name);
            if (attachments.contains(name) || serves_as(mode, link.native) != same_mode)
                continue;
            const bool was_native = link.native;
            if (same_mode && facts_of_link(link.fd.get()).program == id_of_program(program_fd))
                continue;
            auto attached = same_mode ? update(name, mode, program_fd) : remake(name, mode, program_fd);
            if (!attached)
                return std::unexpected(attached.error());
            if (!same_mode)
                done.remade[name] = was_native;
            attachments[name] = std::move(*attached);
        }
    }
    return attachments;
}

/// Takes over the link that holds the interface, if it is one of ours, under whatever name it was pinned.
bool Attachments::adopt(const std::string& interface, unsigned index) {
    const auto alive = [&](const Link& link) { return facts_of_link(link.fd.get()).index == index; };
    if (const auto held = links_.find(interface); held != links_.end() && alive(held->second))
        return true;
    links_.erase(interface);
    std::vector<std::string> names = pins_.linked_interfaces();
    std::ranges::partition(names, [&](const std::string& name) { return name == interface; });
    for (const auto& name : names) {
        auto pinned = pins_.get(link_pin_name(name));
        if (!pinned || facts_of_link(pinned->get()).index != index)
            continue;
        links_[interface] = {std::move(*pinned), index, is_native(index)};
        if (name != interface && pins_.put(link_pin_name(interface), links_.at(interface).fd.get())) {
            static_cast<void>(pins_.remove(link_pin_name(name)));
            links_.erase(name);
        }
        return true;
    }
    return false;
}

Result<Attachment> Attachments::make(const std::string& interface, unsigned index, config::Mode mode,
                                     int program_fd, Pinning pinning) {
    auto made = make_link(interface, index, program_fd, mode);
    if (!made)
        return std::unexpected(made.error());
    auto pinned = pins_.put(link_pin_name(interface), made->link.fd.get());
    if (!pinned && pinning == Pinning::kRequired) {
        bpf_link_detach(made->link.fd.get());
        return std::unexpected(pinned.error());
    }
    Attachment attachment{interface, made->link.native, /*replaced=*/false, std::move(made->fallback)};
    links_[interface] = std::move(made->link);
    return attachment;
}

/// No interface runs a program in two modes at once, so there is a gap; when the new mode is refused, the old
/// one comes back.
Result<Attachment> Attachments::remake(const std::string& interface, config::Mode mode, int program_fd) {
    auto& link = links_.at(interface);
    const auto index = link.index;
    const bool was_native = link.native;
    bpf_link_detach(link.fd.get());
    auto made = make(interface, index, mode, program_fd, Pinning::kRequired);
    if (made)
        return made;
    if (const auto back = make(interface, index, mode_of(was_native), program_fd, Pinning::kIfPossible);
        !back)
        return fail("{}; and it could not be attached as before: {}", made.error().message,
                    back.error().message);
    return made;
}

Result<Attachment> Attachments::update(const std::string& interface, config::Mode mode, int program_fd) {
    const auto& link = links_.at(interface);
    if (bpf_link_update(link.fd.get(), program_fd, nullptr) != 0)
        return remake(interface, mode, program_fd);
    return Attachment{interface, link.native, /*replaced=*/true, {}};
}

void Attachments::undo(const Done& done, int program_fd) {
    for (const auto& interface : done.made)
        remove(interface);
    for (const auto& [interface, was_native] : done.remade)
        static_cast<void>(remake(interface, mode_of(was_native), program_fd));
}

void Attachments::remove(const std::string& interface) {
    if (const auto link = links_.find(interface); link != links_.end())
        bpf_link_detach(link->second.fd.get());
    links_.erase(interface);
    static_cast<void>(detach(pins_, interface));
}

Result<void> Attachments::leave_all_but(const std::vector<std::string>& interfaces) {
    const auto stays = [&](const std::string& name) {
        return std::ranges::find(interfaces, name) != interfaces.end();
    };
    std::set<std::string> others;
    for (const auto& name : pins_.linked_interfaces())
        others.insert(name);
    for (const auto& [name, link] : links_)
        others.insert(name);
    std::erase_if(others, stays);
    for (const auto& name : others) {
        remove(name);
        if (pins_.has(link_pin_name(name)))
            return pins_.remove(link_pin_name(name));
    }
    return {};
}

void Attachments::note_states(const std::vector<std::string>& interfaces) {
    states_.clear();
    for (const auto& name : interfaces) {
        InterfaceState state{.name = name, .index = 0, .device = name, .attached = false, .trouble = {}};
        if (const auto link = links_.find(name); link != links_.end()) {
            state.index = link->second.index;
            state.device = name_at(state.index).value_or(name);
            state.attached = true;
        } else {
            state.trouble = no_such_interface({name}).error().message;
        }
        states_.push_back(std::move(state));
    }
}

std::vector<Repair> Attachments::repair() {
    std::vector<Repair> repairs;
    for (auto& state : states_)
        mend(state, repairs);
    return repairs;
}

void Attachments::mend(InterfaceState& state, std::vector<Repair>& repairs) {
    const auto link = links_.find(state.name);
    const auto facts = link == links_.end() ? LinkFacts{} : facts_of_link(link->second.fd.get());
    if (facts.index != 0)
        keep(state, facts, repairs);
    else
        attach_again(state, repairs);
}

/// An interface that vanished takes its link along, whose successor gets a new one; others were detached by
/// somebody.
void Attachments::attach_again(InterfaceState& state, std::vector<Repair>& repairs) {
    const auto before = state;
    const auto index = indexes_of({state.name}).front();
    const bool claimed = std::ranges::any_of(states_, [&](const InterfaceState& other) {
        return other.name != state.name && other.attached && other.index == index;
    });
    state.index = claimed ? 0 : index;
    state.attached = false;
    Result<Attachment> attached = no_such_interface({state.name});
    if (state.index != 0) {
        if (auto kept = keep_vlan_tags(name_at(index).value_or(state.name)); !kept)
            attached = std::unexpected(kept.error());
        else if (adopt(state.name, index))
            attached = update(state.name, mode_, program_fd_);
        else
            attached = make(state.name, index, mode_, program_fd_, Pinning::kIfPossible);
    }
    if (attached) {
        state = {state.name, index, name_at(index).value_or(state.name), /*attached=*/true, {}};
        const bool was_there = before.attached && before.index == index;
        repairs.push_back(
            {true, fmt::format("{}: {} ({} XDP)", state.name,
                               was_there ? "the program had been detached; attached again" : "forwarding",
                               text(attached->native))});
        return;
    }
    state.trouble = attached.error().message;
    if (state.trouble != before.trouble)
        repairs.push_back({false, state.trouble});
}

void Attachments::keep(InterfaceState& state, const LinkFacts& facts, std::vector<Repair>& repairs) {
    const auto& name = state.name;
    const auto& link = links_.at(name);
    if (facts.program != id_of_program(program_fd_) &&
        bpf_link_update(link.fd.get(), program_fd_, nullptr) == 0)
        repairs.push_back({true, fmt::format("{}: its link ran another program; it runs ours again", name)});
    const auto pinned = pins_.get(link_pin_name(name));
    const bool is_pinned =
        pinned ? facts_of_link(pinned->get()).id == facts.id : pins_.has(link_pin_name(name));
    const auto put = is_pinned ? Result<void>{} : pins_.put(link_pin_name(name), link.fd.get());
    if (!is_pinned && put)
        repairs.push_back({true, fmt::format("{}: the pin of its link was gone; pinned again", name)});
    auto trouble =
        put ? "" : fmt::format("{}: forwarding ends with this agent: {}", name, put.error().message);
    if (!trouble.empty() && trouble != state.trouble)
        repairs.push_back({false, trouble});
    state.trouble = std::move(trouble);
    auto device = name_at(facts.index).value_or(state.device);
    if (!device.empty() && device != state.device)
        repairs.push_back(
            {true, fmt::format("{} is called {} now; it goes on forwarding", state.device, device)});
    state.device = std::move(device);
    if (keep_vlan_tags(state.device).value_or(false))
        repairs.push_back(
            {true, fmt::format("{}: its driver took VLAN tags off frames; it leaves them again", name)});
}

}  // namespace guideway::datapath
