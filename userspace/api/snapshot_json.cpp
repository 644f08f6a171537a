// SPDX-License-Identifier: Apache-2.0
#include "api/snapshot_json.hpp"

#include <nlohmann/json.hpp>

#include "datapath/verdict_names.hpp"

namespace guideway::api {

using Json = nlohmann::ordered_json;

namespace {
Json to_json(const NextHopSnapshot& next_hop) {
    return {
        {"interface", next_hop.interface},
        {"mac", next_hop.mac.text()},
        {"source", next_hop.source.text()},
    };
}

Json to_json(const BackendSnapshot& backend, std::uint32_t table_size) {
    return {
        {"address", backend.address.text()},
        {"number", backend.number},
        {"weight", backend.weight},
        {"availability", backend.availability / static_cast<double>(abi::AVAILABILITY_FULL)},
        {"slots", backend.slots},
        {"share", backend.slots / static_cast<double>(table_size)},
        {"next_hop", backend.next_hop ? to_json(*backend.next_hop) : Json(nullptr)},
        {"packets", backend.traffic.packets},
        {"bytes", backend.traffic.bytes},
        {"new_flows", backend.traffic.new_flows},
    };
}

Json to_json(const ServiceSnapshot& service, std::uint32_t table_size) {
    Json backends = Json::array();
    for (const auto& backend : service.backends)
        backends.push_back(to_json(backend, table_size));
    return {
        {"name", service.name},
        {"number", service.number},
        {"listeners", service.listeners},
        {"base_digest", service.base_digest},
        {"digest", service.digest},
        {"packets", service.traffic.packets},
        {"bytes", service.traffic.bytes},
        {"new_flows", service.traffic.new_flows},
        {"backends", std::move(backends)},
    };
}
}  // namespace

Json to_json(const Snapshot& snapshot) {
    Json services = Json::array();
    for (const auto& service : snapshot.services)
        services.push_back(to_json(service, snapshot.table_size));
    Json verdicts = Json::object();
    for (const auto& verdict : datapath::verdict_names()) {
        const auto& count = snapshot.verdicts[verdict.verdict];
        verdicts[std::string(verdict.name)] = {{"packets", count.packets}, {"bytes", count.bytes}};
    }
    return {
        {"abi_version", snapshot.abi_version}, {"table_size", snapshot.table_size},
        {"attached", snapshot.attached},       {"services", std::move(services)},
        {"verdicts", std::move(verdicts)},
    };
}

}  // namespace guideway::api
