// SPDX-License-Identifier: Apache-2.0
#include "api/event.hpp"

#include <catch2/catch.hpp>

using namespace guideway::api;
using namespace std::chrono_literals;

namespace {
Event down() {
    return {.id = 7,
            .at = std::chrono::system_clock::time_point(1769860800s + 250ms),
            .kind = EventKind::kDown,
            .service = "web",
            .backend = "10.0.0.101",
            .name = "be1",
            .reason = "connect: refused",
            .lasted = 61'500ms};
}

constexpr const char* kDown =
    R"({"id":7,"at":"2026-01-31T12:00:00.250Z","kind":"down","service":"web","backend":"10.0.0.101",)"
    R"("name":"be1","reason":"connect: refused","lasted_ms":61500})";
}  // namespace

TEST_CASE("an event is a JSON object of what applies to it") {
    CHECK(to_json(down()).dump() == kDown);
    const Event drained{.id = 8,
                        .at = std::chrono::system_clock::time_point(1769860800s),
                        .kind = EventKind::kDrained,
                        .by = {.uid = 0, .cause = {}},
                        .count = 3};
    CHECK(to_json(drained).dump() ==
          R"({"id":8,"at":"2026-01-31T12:00:00.000Z","kind":"drained","uid":0,"count":3})");
}

TEST_CASE("it is read from that again") {
    CHECK(read_event(kDown) == down());
    const Event reloaded{.id = 9,
                         .at = std::chrono::system_clock::time_point(1769860800s + 1ms),
                         .kind = EventKind::kReloaded,
                         .by = {.uid = {}, .cause = "SIGHUP"},
                         .slots = 12};
    CHECK(read_event(to_json(reloaded).dump()) == reloaded);
}

TEST_CASE("what is cut off, or something else, is no event") {
    const std::string whole = kDown;
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(read_event(whole.substr(0, size)));
    for (const auto* line : {"[]", "7", "null", R"({"id":-1,"at":"2026-01-31T12:00:00.250Z","kind":"down"})",
                             R"({"id":1,"at":"yesterday","kind":"down"})",
                             R"({"id":1,"at":"2026-01-31T12:00:00.x","kind":"down"})",
                             R"({"id":1,"at":"2026-01-31T12:00:00.250Z","kind":"exploded"})",
                             R"({"id":1,"at":"2026-01-31T12:00:00.250Z","kind":"down","service":7})",
                             R"({"at":"2026-01-31T12:00:00.250Z","kind":"down"})", "\x00\xff"})
        CHECK_FALSE(read_event(line));
}

TEST_CASE("every kind has a name, and is found by it") {
    for (auto kind = 0; kind <= static_cast<int>(EventKind::kDetached); ++kind) {
        const Event event{.id = 1, .kind = static_cast<EventKind>(kind)};
        CHECK_FALSE(text(event.kind).empty());
        CHECK(read_event(to_json(event).dump()) == event);
    }
}
