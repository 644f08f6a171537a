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

TEST_CASE("a long status comes in pieces of some tens of kilobytes") {
    std::size_t longest = 0;
    const auto text = joined(*status_of(snapshot_of(500, 10)), longest);
    CHECK(text.size() > 1'000'000);
    CHECK(longest < 100'000);
}
