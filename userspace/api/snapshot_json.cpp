// SPDX-License-Identifier: Apache-2.0
#include "api/snapshot_json.hpp"

#include <fmt/chrono.h>

#include <nlohmann/json.hpp>

#include "datapath/verdict_names.hpp"

namespace guideway::api {

using Json = nlohmann::ordered_json;

namespace {
std::string to_text(Clock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::floor<std::chrono::seconds>(time)));
}

Json null_if_empty(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json(const abi::traffic& traffic) {
    return {{"packets", traffic.packets}, {"bytes", traffic.bytes}, {"new_flows", traffic.new_flows}};
}

Json to_json(const std::optional<NextHopSnapshot>& next_hop) {
    if (!next_hop)
        return nullptr;
    return {
        {"interface", next_hop->interface},
        {"mac", next_hop->mac.text()},
        {"source", next_hop->source.text()},
    };
}

Json null_if_none(const std::optional<Clock::time_point>& time) {
    return time ? Json(to_text(*time)) : Json(nullptr);
}

Json to_json(const std::optional<health::BackendFacts>& health) {
    if (!health)
        return nullptr;
    return {
        {"state", name_of(health->state)},
        {"serves", health->serves},
        {"judged", health->judged},
        {"untried", health->untried},
        {"diagnosis", name_of(health->diagnosis)},
        {"reason", null_if_empty(health->reason)},
        {"since", to_text(health->since)},
        {"held_until", null_if_none(health->held_until)},
        {"probed_at", null_if_none(health->probed_at)},
        {"latency_seconds", std::chrono::duration<double>(health->latency).count()},
        {"probes", health->probes},
        {"failures", health->failures},
    };
}

Json to_json(const std::optional<health::ServiceFacts>& health) {
    if (!health)
        return nullptr;
    return {{"warmed_up", health->warmed_up}, {"panic", health->panic}, {"blind", health->blind},
            {"untried", health->untried},     {"up", health->up},       {"backends", health->backends}};
}

Json to_json(const BackendSnapshot& backend, std::uint32_t table_size) {
    Json json = {
        {"address", backend.address.text()},
        {"name", null_if_empty(backend.name)},
        {"number", backend.number},
        {"weight", backend.weight},
        {"state", text(backend.activity)},
        {"alive", backend.alive},
        {"by_hand", backend.by_hand},
        {"availability", backend.availability / static_cast<double>(abi::AVAILABILITY_FULL)},
        {"slots", backend.slots},
        {"share", backend.slots / static_cast<double>(table_size)},
        {"flows", backend.flows},
        {"learning_slots", backend.learning_slots},
        {"next_hop", to_json(backend.next_hop)},
        {"trouble", null_if_empty(backend.trouble)},
        {"health", to_json(backend.health)},
    };
    json.update(to_json(backend.traffic));
    return json;
}

Json to_json(const std::vector<BackendSnapshot>& backends, std::uint32_t table_size) {
    Json json = Json::array();
    for (const auto& backend : backends)
        json.push_back(to_json(backend, table_size));
    return json;
}

Json to_json(const BackendCounts& counts) {
    return {{"configured", counts.configured}, {"serving", counts.serving}, {"leaving", counts.leaving}};
}

/// Without its backends.
Json summary_of(const ServiceSnapshot& service) {
    Json json = {
        {"name", service.name},
        {"number", service.number},
        {"affinity", service.affinity_client ? "client" : "flow"},
        {"table_size", service.table_size},
        {"listeners", service.listeners},
        {"base_digest", service.base_digest},
        {"digest", service.digest},
        {"slots_by_state",
         {{"settled", service.settled_slots()},
          {"learning", service.learning_slots},
          {"tracking", service.tracking_slots},
          {"naming", service.naming_slots}}},
        {"slots_by_hops", service.slots_by_hops},
        {"hops_left_out", service.hops_left_out},
        {"flow_lookups", service.counters.flow_lookups},
        {"refused_records", service.counters.refused_records},
        {"health", to_json(service.health)},
        {"backend_counts", to_json(service.backend_counts)},
    };
    json.update(to_json(service.counters.traffic));
    json["fault"] = null_if_empty(service.fault);
    return json;
}

Json to_json(const ServiceSnapshot& service) {
    Json json = summary_of(service);
    json["backends"] = to_json(service.backends, service.table_size);
    json["leaving"] = to_json(service.leaving, service.table_size);
    return json;
}

Json to_json(const std::optional<AgentSnapshot>& agent) {
    if (!agent)
        return nullptr;
    return {
        {"version", agent->version},
        {"host", agent->host},
        {"process", agent->process},
        {"started", to_text(agent->started)},
        {"config_file", agent->config_file},
        {"pins", agent->pins},
        {"fingerprint", agent->fingerprint},
        {"reloads", agent->reloads.done},
        {"refused_reloads", agent->reloads.refused},
        {"last_reload",
         {{"at", to_text(agent->reloads.last.at)},
          {"ok", agent->reloads.last.ok},
          {"errors", agent->reloads.last.errors}}},
        {"fault", null_if_empty(agent->fault)},
        {"degraded", agent->degraded},
        {"renamed", agent->renamed},
    };
}
/// What comes before the services.
Json head_of(const Snapshot& snapshot) {
    Json interfaces = Json::array();
    for (const auto& interface : snapshot.interfaces)
        interfaces.push_back({{"name", interface.name}, {"attached", interface.attached}});
    return {
        {"at", to_text(snapshot.at)},          {"abi_version", snapshot.abi_version},
        {"table_size", snapshot.table_size},   {"agent", to_json(snapshot.agent)},
        {"interfaces", std::move(interfaces)},
    };
}

/// What comes after them.
Json tail_of(const Snapshot& snapshot) {
    Json json;
    json["bgp"] = snapshot.agent && snapshot.agent->bgp ? to_json(*snapshot.agent->bgp) : Json(nullptr);
    json["flow_table"] = {{"records", snapshot.flow_table.records},
                          {"capacity", snapshot.flow_table.capacity}};
    json.update(stats_json(snapshot));
    return json;
}

std::string dump(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

/// The text that an object's and a list's item have inside another object.
std::string indented(const std::string& text) {
    std::string result = "    ";
    for (const char c : text) {
        result += c;
        if (c == '\n')
            result += "    ";
    }
    return result;
}

/// As dump(to_json(snapshot)) would have it.
class StatusJson final : public BodySource {
  public:
    explicit StatusJson(std::shared_ptr<const Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}

    std::string next() override {
        constexpr std::size_t kPieceSize = 64 * 1024;
        std::string piece;
        while (piece.size() < kPieceSize && !ended_)
            piece += next_part();
        return piece;
    }

  private:
    std::string next_part() {
        const auto& services = snapshot_->services;
        if (!std::exchange(begun_, true)) {
            std::string head = dump(head_of(*snapshot_));
            head.resize(head.size() - 2);  // "\n}"
            return head + ",\n  \"services\": [";
        }
        if (service_ < services.size()) {
            const char* separator = service_ == 0 ? "\n" : ",\n";
            return separator + indented(dump(to_json(services[service_++])));
        }
        ended_ = true;
        return std::string(services.empty() ? "]" : "\n  ]") + ",\n" + dump(tail_of(*snapshot_)).substr(2) +
               "\n";
    }

    std::shared_ptr<const Snapshot> snapshot_;
    bool begun_ = false;
    bool ended_ = false;
    std::size_t service_ = 0;
};

std::string compact(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

constexpr std::size_t kPieceOfPage = 64 * 1024;

Json backends_of(const ServiceSnapshot& service) {
    return {
        {"name", service.name},
        {"backends", to_json(service.backends, service.table_size)},
        {"leaving", to_json(service.leaving, service.table_size)},
    };
}

class PageStatusJson final : public BodySource {
  public:
    PageStatusJson(std::shared_ptr<const Snapshot> snapshot, std::optional<ServiceSnapshot> opened)
        : snapshot_(std::move(snapshot)), opened_(std::move(opened)) {}

    std::string next() override {
        std::string piece;
        while (piece.size() < kPieceOfPage && !ended_)
            piece += next_part();
        return piece;
    }

  private:
    std::string next_part() {
        const auto& services = snapshot_->services;
        if (!std::exchange(begun_, true)) {
            std::string head = compact(head_of(*snapshot_));
            head.pop_back();
            return head + R"(,"services":[)";
        }
        if (service_ < services.size()) {
            const char* separator = service_ == 0 ? "" : ",";
            return separator + compact(summary_of(services[service_++]));
        }
        ended_ = true;
        Json tail;
        tail["opened"] = opened_ ? backends_of(*opened_) : Json(nullptr);
        tail.update(tail_of(*snapshot_));
        return "]," + compact(tail).substr(1) + "\n";
    }

    std::shared_ptr<const Snapshot> snapshot_;
    std::optional<ServiceSnapshot> opened_;
    bool begun_ = false;
    bool ended_ = false;
    std::size_t service_ = 0;
};

/// `moving` holds places in `owners`.
class PageTableJson final : public BodySource {
  public:
    explicit PageTableJson(TableSnapshot table) : table_(std::move(table)) {}

    std::string next() override {
        std::string piece;
        if (!std::exchange(begun_, true))
            piece = fmt::format(R"({{"table_size":{},"step":{},"owners":[)", table_.table_size, table_.step);
        for (; piece.size() < kPieceOfPage && owner_ < table_.owners.size(); ++owner_)
            piece += fmt::format("{}{}", owner_ == 0 ? "" : ",", table_.owners[owner_]);
        if (owner_ < table_.owners.size())
            return piece;
        if (!std::exchange(owners_told_, true))
            piece += R"(],"moving":[)";
        for (; piece.size() < kPieceOfPage && moving_ < table_.moving.size(); ++moving_) {
            if (table_.moving[moving_])
                piece += fmt::format("{}{}", std::exchange(one_moves_, true) ? "," : "", moving_);
        }
        if (moving_ == table_.moving.size() && !std::exchange(ended_, true))
            piece += "]}\n";
        return piece;
    }

  private:
    TableSnapshot table_;
    bool begun_ = false;
    bool owners_told_ = false;
    bool one_moves_ = false;
    bool ended_ = false;
    std::size_t owner_ = 0;
    std::size_t moving_ = 0;
};
}  // namespace

Json to_json(const Snapshot& snapshot) {
    Json json = head_of(snapshot);
    Json services = Json::array();
    for (const auto& service : snapshot.services)
        services.push_back(to_json(service));
    json["services"] = std::move(services);
    json.update(tail_of(snapshot));
    return json;
}

std::unique_ptr<BodySource> status_of(std::shared_ptr<const Snapshot> snapshot) {
    return std::make_unique<StatusJson>(std::move(snapshot));
}

std::unique_ptr<BodySource> page_status_of(std::shared_ptr<const Snapshot> snapshot,
                                           std::optional<ServiceSnapshot> opened) {
    return std::make_unique<PageStatusJson>(std::move(snapshot), std::move(opened));
}

std::unique_ptr<BodySource> page_table_of(TableSnapshot table) {
    return std::make_unique<PageTableJson>(std::move(table));
}

Json stats_json(const Snapshot& snapshot) {
    Json verdicts = Json::object();
    for (const auto& verdict : datapath::verdict_names()) {
        const auto& count = snapshot.verdicts[verdict.verdict];
        verdicts[std::string(verdict.name)] = {{"packets", count.packets},
                                               {"bytes", count.bytes},
                                               {"action", datapath::verdict_action(verdict.verdict)}};
    }
    return {{"verdicts", std::move(verdicts)}};
}

}  // namespace guideway::api
