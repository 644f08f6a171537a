// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.hpp"

#include <catch2/catch.hpp>

#include "api/metric_family.hpp"

using namespace guideway;
using namespace guideway::api;

namespace {
std::string all_of(BodySource& source) {
    std::string text;
    for (auto piece = source.next(); !piece.empty(); piece = source.next())
        text += piece;
    return text;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
    return found;
}
}  // namespace

TEST_CASE("a family is described once, before its first sample") {
    auto family = gauge("some_metric", "What it is.");
    CHECK(family.take_text().empty());
    family.add({}, 1);
    family.add({{"name", "a \"quoted\"\nback\\slash"}, {"other", "b"}}, 0.25);
    CHECK(family.take_text() ==
          "# HELP some_metric What it is.\n"
          "# TYPE some_metric gauge\n"
          "some_metric 1\n"
          "some_metric{name=\"a \\\"quoted\\\"\\nback\\\\slash\",other=\"b\"} 0.25\n");
    family.add({}, 18446744073709551615.0);
    CHECK(family.take_text() == "some_metric 1.844674407370955e+19\n");
}

TEST_CASE("backends have series of their own if the snapshot has backends; services always") {
    auto snapshot = std::make_shared<Snapshot>();
    for (int i = 0; i < 1000; ++i) {
        auto& service = snapshot->services.emplace_back();
        service.name = "service-" + std::to_string(i);
        for (int j = 0; j < 10; ++j)
            service.backends.emplace_back().address = *IpAddress::parse("10.0.0." + std::to_string(j));
    }
    const auto with = all_of(*metrics_of(snapshot));
    CHECK(count(with, "\nguideway_backend_packets_total{") == 10'000);
    CHECK(count(with, "# TYPE guideway_backend_packets_total counter\n") == 1);
    CHECK(count(with, "\nguideway_service_packets_total{") == 1000);
    for (auto& service : snapshot->services)
        service.backends.clear();
    const auto without = all_of(*metrics_of(snapshot));
    CHECK(count(without, "guideway_backend_") == 0);
    CHECK(count(without, "\nguideway_service_packets_total{") == 1000);
    CHECK(without.ends_with('\n'));
}
