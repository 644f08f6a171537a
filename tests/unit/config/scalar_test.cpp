// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.hpp"

#include <catch2/catch.hpp>

#include "config/suggestion.hpp"

namespace guideway::config {

namespace {

using namespace std::chrono_literals;

constexpr DurationRange kAnyDuration{0ms, 24h};

std::optional<Duration> duration(const char* text) {
    const auto read = read_duration({text, false}, kAnyDuration);
    return read ? std::optional(*read) : std::nullopt;
}

}  // namespace

TEST_CASE("durations are an integer and a unit") {
    CHECK(duration("500ms") == 500ms);
    CHECK(duration("1s") == 1s);
    CHECK(duration("10m") == 10min);
    CHECK(duration("24h") == 24h);
    CHECK(duration("0s") == 0ms);
    for (const char* text : {"", "s", "1", "1 s", "01s", "1d", "1S", "-1s", "+1s", "1.5s", "1h30m", "25h"}) {
        INFO(text);
        CHECK_FALSE(duration(text));
    }
}

TEST_CASE("a duration's text is read back as the same duration") {
    for (const Duration each : {1ms, 999ms, 1000ms, 90000ms, 60000ms, 3600000ms, 86400000ms})
        CHECK(duration(duration_text(each).c_str()) == each);
    CHECK(duration_text(90s) == "90s");
    CHECK(duration_text(60min) == "1h");
    CHECK(duration_text(0ms) == "0s");
}

TEST_CASE("integers are in their range up to both ends") {
    CHECK(read_integer({"0", false}, {0, 65535}) == 0u);
    CHECK(read_integer({"65535", false}, {0, 65535}) == 65535u);
    CHECK(read_integer({"65536", false}, {0, 65535}).error().message == "65536 is not in 0..65535");
    CHECK(read_integer({"18446744073709551615", false}, {0, UINT64_MAX}) == UINT64_MAX);
    CHECK_FALSE(read_integer({"18446744073709551616", false}, {0, UINT64_MAX}));
}

TEST_CASE("a table size is a prime within its bounds, both of which are primes") {
    CHECK(read_table_size({"251", false}) == 251u);
    CHECK(read_table_size({"65537", false}) == 65537u);
    CHECK(read_table_size({"1048573", false}) == 1048573u);
    CHECK(read_table_size({"252", false}).error().message ==
          "252 is not a prime; the nearest are 251 and 257");
    CHECK(read_table_size({"1048572", false}).error().message ==
          "1048572 is not a prime; the nearest are 1048571 and 1048573");
}

TEST_CASE("listeners are read to the VIP, port and protocol they name, and written canonically") {
    const Listener web = read_listener("192.0.2.10:443/tcp").value();
    CHECK(web.vip == IpAddress::parse("192.0.2.10").value());
    CHECK(web.port == 443);
    CHECK(web.protocol == Protocol::kTcp);
    CHECK(web.text() == "192.0.2.10:443/tcp");
    const Listener any = read_listener("[2001:DB8:0:0::10]:*/udp").value();
    CHECK(any.port == 0);
    CHECK(any.protocol == Protocol::kUdp);
    CHECK(any.text() == "[2001:db8::10]:*/udp");
    for (const char* text : {"", "/", ":", "]:80/tcp", "[:80/tcp", "[]:80/tcp", "192.0.2.10:80/",
                             "192.0.2.10:/tcp", "192.0.2.10:80/tcp/udp", " 192.0.2.10:80/tcp"}) {
        INFO(text);
        CHECK_FALSE(read_listener(text));
    }
}

TEST_CASE("a hash key is 32 hex digits in either case, as the bytes they spell") {
    const HashKey key = read_hash_key("000102030405060708090a0b0c0d0e0f").value();
    for (std::uint8_t i = 0; i < key.size(); ++i)
        CHECK(key[i] == i);
    CHECK(read_hash_key("000102030405060708090A0B0C0D0E0F").value() == key);
    CHECK_FALSE(read_hash_key("0x0102030405060708090a0b0c0d0e0f"));
}

TEST_CASE("prefixes keep their length in their own family") {
    CHECK(read_prefix({"10.0.0.0/8", false}).value() == Prefix{IpAddress::parse("10.0.0.0").value(), 8});
    CHECK(read_prefix({"::/0", false}).value() == Prefix{IpAddress::parse("::").value(), 0});
    CHECK(read_prefix({"2001:db8::1/128", false}).value() ==
          Prefix{IpAddress::parse("2001:db8::1").value(), 128});
    CHECK_FALSE(read_prefix({"10.0.0.0/08", false}));
    CHECK_FALSE(read_prefix({"10.0.0.0/", false}));
}

TEST_CASE("probe marks and communities are read to their numbers") {
    CHECK(read_probe_mark({"0x67000000/0xff000000", false}).value() == ProbeMark{0x67000000, 0xff000000});
    CHECK_FALSE(read_probe_mark({"0x/0xff000000", false}));
    CHECK_FALSE(read_probe_mark({"0x0/0xff000000", false}));
    CHECK(read_community({"65535:0", false}).value() == Community{65535, 0, {}});
    CHECK(read_community({"4200000000:1:4294967295", false}).value() == Community{4200000000, 1, 4294967295});
    for (const char* text : {"65536:0", "1", "1:2:3:4", "1:2:", ":1:2", "1:2:4294967296", "1:-2:3"}) {
        INFO(text);
        CHECK_FALSE(read_community({text, false}));
    }
    CHECK_FALSE(read_community({"65535:00", false}));
}

TEST_CASE("a next hop is self or an address of its family") {
    CHECK(read_next_hop({"self", false}).value() == RouteNextHop{});
    CHECK(read_next_hop({"10.0.0.9", false}).value() == RouteNextHop{IpAddress::parse("10.0.0.9")});
    CHECK(read_next_hop6({"2001:db8::9", false}).value() == RouteNextHop{IpAddress::parse("2001:db8::9")});
    CHECK_FALSE(read_next_hop({"2001:db8::9", false}));
    CHECK_FALSE(read_next_hop6({"10.0.0.9", false}));
    CHECK_FALSE(read_next_hop({"Self", false}));
}

TEST_CASE("a password is characters that mean themselves, and no error shows it") {
    CHECK(read_password("s3cr;t#{x}$").value() == "s3cr;t#{x}$");
    CHECK(read_password(std::string(80, 'x')));
    CHECK(read_password(std::string(81, 'x')).error().message ==
          "expected a password of 1..80 characters, found 81");
    CHECK(read_password("").error().message == "expected a password of 1..80 characters, found 0");
    for (const char* text : {"sec ret", "sec\"ret", "sec\\ret", "sec\nret", "sec\xc3\xa9"}) {
        INFO(text);
        CHECK(read_password(text).error().message ==
              "character 4 of the password is a blank, a quote, a backslash or not ASCII");
    }
}

TEST_CASE("a suggestion is made for near words only") {
    CHECK(did_you_mean("bakends", {"name", "backends"}) == "; did you mean 'backends'?");
    CHECK(did_you_mean("NAME", {"name", "backends"}) == "; did you mean 'name'?");
    CHECK(did_you_mean("nmae", {"name"}) == "; did you mean 'name'?");
    CHECK(did_you_mean("cats", {"name", "backends"}).empty());
    CHECK(did_you_mean("", {"name"}).empty());
    CHECK(did_you_mean(std::string(100000, 'a'), {"name"}).empty());
}

TEST_CASE("text from the file stands in messages on one line of bounded length") {
    CHECK(printable("a\nb\x7f") == "a\\x0ab\\x7f");
    CHECK(printable(std::string(61, 'a')) == std::string(60, 'a') + "...");
    CHECK(printable(std::string(59, 'a') + "\xc3\xa9") == std::string(59, 'a') + "\xc3\xa9");
}

}  // namespace guideway::config
