// SPDX-License-Identifier: Apache-2.0
#include "agent/health_file.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "util/file.hpp"

namespace guideway::agent {

namespace {
using Json = nlohmann::ordered_json;
using health::LastKnown;
using health::Moment;
using health::State;

Result<std::string> this_boot() {
    return read_file("/proc/sys/kernel/random/boot_id");
}

Json to_json(Moment moment) {
    return moment.time_since_epoch().count();
}

/// Throws if it is something else, as all that follow.
Moment moment_in(const Json& json) {
    return Moment(Moment::duration(json.get<Moment::rep>()));
}

Json to_json(const control::BackendId& backend, const LastKnown& known) {
    Json downs = Json::array();
    for (const Moment down : known.flaps.downs)
        downs.push_back(to_json(down));
    Json json = {{"service", backend.service},          {"backend", backend.address.text()},
                 {"down", known.state == State::kDown}, {"up_since", to_json(known.flaps.up_since)},
                 {"downs", std::move(downs)},           {"holds", known.flaps.holds}};
    if (known.flaps.held_until)
        json["held_until"] = to_json(*known.flaps.held_until);
    return json;
}

IpAddress address_in(const Json& json) {
    const auto text = json.get<std::string>();
    const auto address = IpAddress::parse(text);
    if (!address)
        throw std::runtime_error(fmt::format("'{}' is no address", text));
    return *address;
}

LastKnown known_in(const Json& json) {
    LastKnown known{json.at("down").get<bool>() ? State::kDown : State::kUp, {}};
    known.flaps.up_since = moment_in(json.at("up_since"));
    for (const auto& down : json.at("downs"))
        known.flaps.downs.push_back(moment_in(down));
    known.flaps.holds = json.at("holds").get<std::uint32_t>();
    if (const auto held = json.find("held_until"); held != json.end())
        known.flaps.held_until = moment_in(*held);
    return known;
}
}  // namespace

Result<Knowledge> HealthFile::read() const {
    if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT)
        return Knowledge{};
    const auto text = read_file(path_);
    if (!text)
        return std::unexpected(text.error());
    const auto boot = this_boot();
    if (!boot)
        return std::unexpected(boot.error());
    try {
        const Json json = Json::parse(*text);
        Knowledge known;
        if (json.at("boot").get<std::string>() != *boot)
            return known;
        for (const auto& item : json.at("backends"))
            known.insert_or_assign({item.at("service").get<std::string>(), address_in(item.at("backend"))},
                                   known_in(item));
        return known;
    } catch (const std::exception& error) {
        return fail("read {}: it is not what an agent writes ({})", path_, error.what());
    }
}

Result<void> HealthFile::write(const Knowledge& known) const {
    const auto boot = this_boot();
    if (!boot)
        return std::unexpected(boot.error());
    Json backends = Json::array();
    for (const auto& [backend, last] : known)
        backends.push_back(to_json(backend, last));
    const Json json = {{"boot", *boot}, {"backends", std::move(backends)}};
    return replace_file(path_, json.dump(1) + '\n');
}

}  // namespace guideway::agent
