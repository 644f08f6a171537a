// SPDX-License-Identifier: Apache-2.0
#include "agent/history_document.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace guideway;
using namespace guideway::agent;
using namespace std::chrono_literals;

namespace {
IpAddress address(const char* text) {
    return *IpAddress::parse(text);
}

const History kHistory{
    .instance = "5e0c",
    .revision = 17,
    .told = 1796047200000,
    .hash_key = "00ff",
    .services = {{.name = "web",
                  .affinity_client = false,
                  .table_size = 251,
                  .slots = {{.owner = address("10.0.0.3"),
                             .tenure = 9s,
                             .former = {{address("10.0.0.1"), 9s, 1h}, {address("2001:db8::1"), 20s, 3ms}},
                             .slots = {3, 250}},
                            {.owner = std::nullopt, .tenure = 0s, .former = {}, .slots = {7}}}}}};

/// The document with one text in the place of another.
std::string altered(const std::string& from, const std::string& to) {
    auto text = text_of(kHistory);
    const auto place = text.find(from);
    REQUIRE(place != std::string::npos);
    return text.replace(place, from.size(), to);
}

std::string refusal(const std::string& text) {
    const auto read = read_history(text);
    return read ? "read" : read.error().message;
}
}  // namespace

TEST_CASE("a history is read as it was told") {
    CHECK(
        text_of(kHistory) ==
        R"({"format":1,"instance":"5e0c","revision":17,"told":1796047200000,"hash_key":"00ff","services":[)"
        R"({"name":"web","affinity":"flow","table_size":251,"addresses":["10.0.0.1","2001:db8::1","10.0.0.3"],"slots":[)"
        R"({"owner":2,"tenure":9000,"former":[[0,9000,3600000],[1,20000,3]],"slots":[3,250]},)"
        R"({"owner":null,"tenure":0,"former":[],"slots":[7]}]}]})"
        "\n");
    CHECK(read_history(text_of(kHistory)) == kHistory);
}

TEST_CASE("what is no history, or leads beyond a table, is refused whole") {
    CHECK(refusal("").starts_with("it is no history"));
    CHECK(refusal("[]").starts_with("it is no history"));
    CHECK(refusal(altered("\"format\":1", "\"format\":2")) == "history format 2; this version reads 1");
    CHECK(refusal(altered("[3,250]", "[3,251]")).contains("a slot is beyond its table"));
    CHECK(refusal(altered("[3,250]", "[-1]")).contains("a slot is beyond its table"));
    CHECK(refusal(altered("[3,250]", "[250,3]")).contains("not in ascending order"));
    CHECK(refusal(altered("[3,250]", "[3,3]")).contains("not in ascending order"));
    CHECK(refusal(altered("5e0c", "5e&c")) == "'instance' is no hexadecimal number");
    CHECK(refusal(altered("\"owner\":2", "\"owner\":3")).starts_with("it is no history"));
    CHECK(refusal(altered("10.0.0.3", "10.0.0")).contains("is no address"));
    CHECK(refusal(altered("251", "1048574")).contains("larger than any"));
}

TEST_CASE("times that nobody can have are brought into bounds") {
    const auto read = read_history(altered("[0,9000,3600000]", "[0,-5,9223372036854775807]"));
    REQUIRE(read);
    const auto& former = read->services[0].slots[0].former[0];
    CHECK(former.age == 0ms);
    CHECK(former.tenure < 24h * 400);
}

TEST_CASE("damaged histories are read or refused, and nothing else") {
    std::mt19937 random(20261130);
    const auto whole = text_of(kHistory);
    for (int i = 0; i < 20000; ++i) {
        auto text = whole;
        for (unsigned changes = 1 + random() % 3; changes > 0; --changes)
            text[random() % text.size()] = static_cast<char>(random());
        text.resize(text.size() - random() % 2 * (random() % text.size()));
        static_cast<void>(read_history(text));
    }
}
