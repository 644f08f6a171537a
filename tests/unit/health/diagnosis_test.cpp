// SPDX-License-Identifier: Apache-2.0
#include "health/diagnosis.hpp"

#include <catch2/catch.hpp>

namespace guideway::health {

namespace {
const Outcome kGood = Outcome::good();
const Outcome kRefused = Outcome::bad_answer("connect: refused");
const Outcome kNotTried = Outcome::not_tried("no descriptor is free");
const Outcome kSilent = Outcome::silence("no connection");

Diagnosis tunnelled(const Outcome& direct, const Outcome& direct_echo, const Outcome& echo,
                    const Outcome& full) {
    return diagnose({kSilent, direct, direct_echo, echo, full});
}
}  // namespace

TEST_CASE("a failed probe is explained by what else works") {
    CHECK(tunnelled(kRefused, kGood, kGood, kGood) == Diagnosis::kApplicationDown);
    CHECK(tunnelled(kSilent, kGood, kGood, kGood) == Diagnosis::kApplicationDown);
    CHECK(tunnelled(kGood, kGood, kSilent, kSilent) == Diagnosis::kDecapBroken);
    CHECK(tunnelled(kGood, kGood, kGood, kSilent) == Diagnosis::kMtuBroken);
    CHECK(tunnelled(kSilent, kSilent, kSilent, kSilent) == Diagnosis::kHostUnreachable);
}

TEST_CASE("an application that serves the VIP alone does not hide a broken tunnel") {
    CHECK(tunnelled(kRefused, kGood, kSilent, kSilent) == Diagnosis::kDecapBroken);
}

TEST_CASE("hosts that answer no echo requests are judged by the check itself") {
    CHECK(tunnelled(kGood, kSilent, kSilent, kSilent) == Diagnosis::kDecapBroken);
    CHECK(tunnelled(kRefused, kSilent, kSilent, kSilent) == Diagnosis::kApplicationDown);
}

TEST_CASE("a probe that goes direct tells the application from the host") {
    CHECK(diagnose({kRefused, kRefused, kSilent, {}, {}}) == Diagnosis::kApplicationDown);
    CHECK(diagnose({kSilent, kSilent, kGood, {}, {}}) == Diagnosis::kApplicationDown);
    CHECK(diagnose({kSilent, kSilent, kSilent, {}, {}}) == Diagnosis::kHostUnreachable);
}

TEST_CASE("what was answered through the tunnel is not explained by the tunnel") {
    const Outcome unavailable = Outcome::bad_answer("answered 503");
    CHECK(diagnose({unavailable, kGood, kGood, kSilent, kSilent}) == Diagnosis::kApplicationDown);
    CHECK(diagnose({unavailable, kSilent, kSilent, kNotTried, kNotTried}) == Diagnosis::kApplicationDown);
    CHECK(diagnose({unavailable, kGood, kGood, kGood, kSilent}) == Diagnosis::kMtuBroken);
}

TEST_CASE("what could not be tried explains nothing") {
    CHECK(tunnelled(kRefused, kGood, kNotTried, kGood) == Diagnosis::kNone);
    CHECK(tunnelled(kRefused, kGood, kGood, kNotTried) == Diagnosis::kNone);
    CHECK(tunnelled(kNotTried, kGood, kGood, kGood) == Diagnosis::kNone);
    CHECK(diagnose({kSilent, kSilent, kNotTried, {}, {}}) == Diagnosis::kNone);
}

}  // namespace guideway::health
