// SPDX-License-Identifier: Apache-2.0
#include "agent/history_document.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "util/abi.hpp"

namespace guideway::agent {

namespace {
using Json = nlohmann::ordered_json;
using Milliseconds = std::chrono::milliseconds;

constexpr unsigned kFormat = 1;
constexpr std::size_t kLongestInstance = 32;
constexpr std::size_t kServicesAtMost = abi::SERVICES_MAX;
/// Beyond any max_drain; ages are added to points of time.
constexpr Milliseconds kLongest = std::chrono::hours(24 * 366);

/// Addresses by their place in a service's list: each stands there once.
class AddressList {
  public:
    std::size_t place_of(const IpAddress& address) {
        const auto [known, is_new] = places_.try_emplace(address, places_.size());
        if (is_new)
            texts_.push_back(address.text());
        return known->second;
    }
    Json take() { return std::move(texts_); }

  private:
    std::map<IpAddress, std::size_t> places_;
    Json texts_ = Json::array();
};

Json to_json(const ToldSlots& told, AddressList& addresses) {
    Json former = Json::array();
    for (const auto& owner : told.former)
        former.push_back({addresses.place_of(owner.address), owner.age.count(), owner.tenure.count()});
    return {{"owner", told.owner ? Json(addresses.place_of(*told.owner)) : Json(nullptr)},
            {"tenure", told.tenure.count()},
            {"former", std::move(former)},
            {"slots", told.slots}};
}

Json to_json(const ToldService& service) {
    AddressList addresses;
    Json slots = Json::array();
    for (const auto& told : service.slots)
        slots.push_back(to_json(told, addresses));
    return {{"name", service.name},
            {"affinity", service.affinity_client ? "client" : "flow"},
            {"table_size", service.table_size},
            {"addresses", addresses.take()},
            {"slots", std::move(slots)}};
}

/// These throw; read_history() makes one error of it.
Milliseconds duration_in(const Json& json) {
    return std::clamp(Milliseconds(json.get<std::int64_t>()), Milliseconds(0), kLongest);
}

std::vector<IpAddress> addresses_in(const Json& json) {
    std::vector<IpAddress> addresses;
    for (const auto& text : json) {
        const auto address = IpAddress::parse(text.get<std::string>());
        if (!address)
            throw std::runtime_error(fmt::format("'{}' is no address", text.get<std::string>()));
        addresses.push_back(*address);
    }
    return addresses;
}

ToldSlots slots_in(const Json& json, const std::vector<IpAddress>& addresses, std::uint32_t table_size) {
    ToldSlots told;
    if (!json.at("owner").is_null())
        told.owner = addresses.at(json.at("owner").get<std::size_t>());
    told.tenure = duration_in(json.at("tenure"));
    for (const auto& former : json.at("former"))
        told.former.push_back({addresses.at(former.at(0).get<std::size_t>()), duration_in(former.at(1)),
                               duration_in(former.at(2))});
    if (told.former.size() > control::SlotHistory::kRemembered)
        throw std::runtime_error("a slot has more former owners than are remembered");
    told.slots = json.at("slots").get<std::vector<std::uint32_t>>();
    if (std::ranges::any_of(told.slots, [&](std::uint32_t slot) { return slot >= table_size; }))
        throw std::runtime_error("a slot is beyond its table");
    if (!std::ranges::is_sorted(told.slots, std::less_equal<>{}))
        throw std::runtime_error("slots are not in ascending order");
    return told;
}

ToldService service_in(const Json& json) {
    ToldService service{.name = json.at("name").get<std::string>(),
                        .affinity_client = json.at("affinity").get<std::string>() == "client",
                        .table_size = json.at("table_size").get<std::uint32_t>(),
                        .slots = {}};
    if (service.table_size > abi::TABLE_SIZE_MAX)
        throw std::runtime_error("a table is larger than any");
    const auto addresses = addresses_in(json.at("addresses"));
    for (const auto& told : json.at("slots"))
        service.slots.push_back(slots_in(told, addresses, service.table_size));
    return service;
}
}  // namespace

std::string text_of(const History& history) {
    Json services = Json::array();
    for (const auto& service : history.services)
        services.push_back(to_json(service));
    const Json json = {
        {"format", kFormat},    {"instance", history.instance}, {"revision", history.revision},
        {"told", history.told}, {"hash_key", history.hash_key}, {"services", std::move(services)}};
    return json.dump() + '\n';
}

Result<History> read_history(const std::string& text) {
    try {
        const Json json = Json::parse(text);
        if (const auto format = json.at("format").get<unsigned>(); format != kFormat)
            return fail("history format {}; this version reads {}", format, kFormat);
        History history{.instance = json.at("instance").get<std::string>(),
                        .revision = json.at("revision").get<std::uint32_t>(),
                        .told = json.at("told").get<std::int64_t>(),
                        .hash_key = json.at("hash_key").get<std::string>(),
                        .services = {}};
        const bool is_hexadecimal =
            std::ranges::all_of(history.instance, [](unsigned char c) { return std::isxdigit(c) != 0; });
        if (history.instance.size() > kLongestInstance || !is_hexadecimal)
            return fail("'instance' is no hexadecimal number");
        if (json.at("services").size() > kServicesAtMost)
            return fail("it has {} services", json.at("services").size());
        for (const auto& service : json.at("services"))
            history.services.push_back(service_in(service));
        return history;
    } catch (const std::exception& error) {
        return fail("it is no history ({})", error.what());
    }
}

}  // namespace guideway::agent
