// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "model/slot_story.hpp"

using namespace guideway::test;

namespace {
constexpr std::size_t kPlenty = 1000;
constexpr std::size_t kFew = 2;

/// Of so many stories, those in which a flow was misplaced.
int failed_stories(std::size_t capacity, const std::set<std::string>& without, int stories) {
    int failed = 0;
    for (int seed = 1; seed <= stories; ++seed) {
        SlotModel model(capacity, without);
        failed += !tell_slot_story(static_cast<std::uint32_t>(seed), model, {}).empty();
    }
    return failed;
}
}  // namespace

TEST_CASE("by the rules of moving slots no flow is misplaced while its backend lives") {
    CHECK(failed_stories(kPlenty, {}, 500) == 0);
}

TEST_CASE("nor when there is no room for records") {
    CHECK(failed_stories(kFew, {}, 500) == 0);
}

TEST_CASE("each of the rules is needed") {
    CHECK(failed_stories(kPlenty, {"forget-on-syn"}, 300) > 0);
    CHECK(failed_stories(kPlenty, {"purge"}, 300) > 0);
    CHECK(failed_stories(kFew, {"syn-to-previous"}, 300) > 0);
    CHECK(failed_stories(kFew, {"extend"}, 300) > 0);
    CHECK(failed_stories(kPlenty, {"void-is-not-lost"}, 300) > 0);
    CHECK(failed_stories(kFew, {"make-room"}, 300) > 0);
}
