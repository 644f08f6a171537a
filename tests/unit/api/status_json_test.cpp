// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/snapshot_json.hpp"

using namespace guideway;
using namespace guideway::api;

namespace {
std::shared_ptr<Snapshot> snapshot_of(int services, int backends) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->table_size = 65537;
    snapshot->interfaces = {{"eth0", true, {}, {}}};
    for (int i = 0; i < services; ++i) {
        auto& service = snapshot->services.emplace_back();
        service.name = "service-" + std::to_string(i);
        service.table_size = snapshot->table_size;
        service.listeners = {"192.0.2.10:80/tcp"};
        for (int j = 0; j < backends; ++j)
            service.backends.emplace_back().name = "line\nbreak \"and quote\"";
    }
    return snapshot;
}

std::string joined(BodySource& source, std::size_t& longest) {
    std::string text;
    for (auto piece = source.next(); !piece.empty(); piece = source.next()) {
        longest = std::max(longest, piece.size());
        text += piece;
    }
    return text;
}
}  // namespace

TEST_CASE("the status in pieces is the same text as in one") {
    for (const auto& [services, backends] : {std::pair{0, 0}, {1, 0}, {1, 3}, {40, 10}}) {
        const auto snapshot = snapshot_of(services, backends);
        std::size_t longest = 0;
        CHECK(joined(*status_of(snapshot), longest) == to_json(*snapshot).dump(2) + "\n");
    }
}

TEST_CASE("the page's status has no backends but those of the service that is open") {
    const auto snapshot = snapshot_of(3, 2);
    std::size_t longest = 0;
    auto closed = nlohmann::json::parse(joined(*page_status_of(snapshot, std::nullopt), longest));
    REQUIRE(closed["services"].size() == 3);
    CHECK_FALSE(closed["services"][0].contains("backends"));
    CHECK(closed["services"][0]["backend_counts"]["configured"] == 0);
    CHECK(closed["opened"].is_null());
    CHECK(closed["verdicts"].contains("forwarded"));
    CHECK(closed["flow_table"]["records"] == 0);

    const auto opened =
        nlohmann::json::parse(joined(*page_status_of(snapshot, snapshot->services[1]), longest));
    CHECK(opened["opened"]["name"] == "service-1");
    CHECK(opened["opened"]["backends"].size() == 2);
    CHECK(opened["opened"]["backends"][0]["name"] == "line\nbreak \"and quote\"");
}

TEST_CASE("the page's status of no service at all") {
    std::size_t longest = 0;
    const auto none =
        nlohmann::json::parse(joined(*page_status_of(snapshot_of(0, 0), std::nullopt), longest));
    CHECK(none["services"].empty());
}

TEST_CASE("a table for the page tells owners and moving slots, in pieces") {
    TableSnapshot table{.table_size = 5, .step = 1, .owners = {1, 2, 0, 2, 1}, .moving = {}};
    table.moving = {false, true, false, false, true};
    std::size_t longest = 0;
    CHECK(joined(*page_table_of(table), longest) ==
          "{\"table_size\":5,\"step\":1,\"owners\":[1,2,0,2,1],\"moving\":[1,4]}\n");

    CHECK(joined(*page_table_of({}), longest) ==
          "{\"table_size\":0,\"step\":1,\"owners\":[],\"moving\":[]}\n");

    TableSnapshot large{.table_size = 131074, .step = 2, .owners = {}, .moving = {}};
    large.owners.assign(65537, 12345);
    large.moving.assign(65537, true);
    const auto json = nlohmann::json::parse(joined(*page_table_of(large), longest));
    CHECK(json["owners"].size() == 65537);
    CHECK(json["moving"].size() == 65537);
    CHECK(json["moving"].back() == 65536);
    CHECK(longest < 100'000);
}

TEST_CASE("a long status comes in pieces of some tens of kilobytes") {
    std::size_t longest = 0;
    const auto text = joined(*status_of(snapshot_of(500, 10)), longest);
    CHECK(text.size() > 1'000'000);
    CHECK(longest < 100'000);
}
