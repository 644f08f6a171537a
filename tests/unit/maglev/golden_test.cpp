// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "fleet.hpp"
#include "maglev/base_table.hpp"
#include "maglev/digest.hpp"
#include "maglev/serving_table.hpp"

using namespace guideway;
using namespace guideway::maglev;

namespace {

constexpr std::uint32_t kSize = 65537;

std::string base_digest(std::vector<Member> members) {
    const auto table = BaseTable::build(std::move(members), kSize);
    return table_digest(table.members(), table.owners());
}

std::vector<Member> three_equal() {
    return {member("10.0.0.3"), member("10.0.0.1"), member("10.0.0.2")};
}

}  // namespace

TEST_CASE("three equal backends have the golden digest") {
    CHECK(base_digest(three_equal()) == "1c4dfe60aef5235637ae9b191b20833b");
}

TEST_CASE("three equal backends of which one is down have the golden digest") {
    ServingTable table(std::make_shared<BaseTable>(BaseTable::build(three_equal(), kSize)));
    REQUIRE(table.base().members()[1].address.text() == "10.0.0.2");
    REQUIRE_FALSE(table.update(std::vector<Availability>{kFull, 0, kFull}).empty());
    CHECK(table_digest(table.base().members(), table.owners()) == "c964fb1d9aa6049796b951b59fb7f3d0");
}

TEST_CASE("a hundred backends of weight 100 have the golden digest") {
    std::vector<Member> members;
    for (int net = 0; net < 2; ++net)
        for (int host = 1; host <= 50; ++host)
            members.push_back(member(fmt::format("10.1.{}.{}", net, host), 100));
    CHECK(base_digest(std::move(members)) == "5c6b5310e703fde835ebd86766f32696");
}

TEST_CASE("weights and both address families have the golden digest") {
    CHECK(base_digest({member("10.0.0.1", 1), member("10.0.0.2", 2), member("10.0.0.3", 5),
                       member("2001:db8::1", 2)}) == "00ed5d66b4b50cbad6a11cdbcf9d220c");
}

TEST_CASE("a table of nobody has the digest that xxhsum prints of zeros behind its size") {
    CHECK(table_digest({}, std::vector<std::uint16_t>(251, kNobody)) == "d436096e6947d92236016e214deb02fd");
}
