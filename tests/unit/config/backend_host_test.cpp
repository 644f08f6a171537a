// SPDX-License-Identifier: Apache-2.0
#include "config/backend_host.hpp"

#include <catch2/catch.hpp>
#include <regex>

#include "config/reference.hpp"
#include "config/schema.hpp"
#include "support.hpp"

namespace guideway::config {

namespace {
Prefix prefix(const char* address, std::uint8_t length) {
    return {*IpAddress::parse(address), length};
}

BackendHost parse_good(const std::string& text) {
    const auto parsed = parse_backend_host(text, "a.yaml");
    REQUIRE(texts(parsed.errors).empty());
    return parsed.config;
}
}  // namespace

TEST_CASE("a backend file is read as it stands") {
    const auto host = parse_good(
        "interfaces: [eth0, eth1]\n"
        "vips: [192.0.2.10, '2001:db8:1::/64']\n"
        "balancers: [10.0.0.11, 10.1.0.0/16]\n"
        "addresses: false\n"
        "http: 127.0.0.1:9661\n");
    CHECK(host.interfaces == std::vector<std::string>{"eth0", "eth1"});
    CHECK(host.vips == std::vector{prefix("192.0.2.10", 32), prefix("2001:db8:1::", 64)});
    CHECK(host.balancers == std::vector{prefix("10.0.0.11", 32), prefix("10.1.0.0", 16)});
    CHECK_FALSE(host.addresses);
    CHECK(host.http == Endpoint{*IpAddress::parse("127.0.0.1"), 9661});
}

TEST_CASE("without a key its default holds") {
    const auto host = parse_good("interfaces: [eth0]\nvips: [192.0.2.10]\nbalancers: [10.0.0.11]\n");
    CHECK(host.addresses);
    CHECK(host.runtime_dir == "/run/guideway-backend");
    CHECK(host.pins == "/sys/fs/bpf/guideway-backend");
    CHECK_FALSE(host.http);
}

TEST_CASE("a prefix of full length is an address") {
    CHECK(prefix("192.0.2.10", 32) == Prefix::of(*IpAddress::parse("192.0.2.10")));
    CHECK(prefix("192.0.2.10", 32).text() == "192.0.2.10");
    CHECK(prefix("2001:db8::", 127).text() == "2001:db8::/127");
}

TEST_CASE("a prefix holds what lies in it, of its own family") {
    CHECK(prefix("192.0.2.0", 24).holds(prefix("192.0.2.10", 32)));
    CHECK(prefix("192.0.2.0", 24).holds(prefix("192.0.2.0", 24)));
    CHECK(prefix("192.0.2.0", 31).holds(prefix("192.0.2.1", 32)));
    CHECK_FALSE(prefix("192.0.2.0", 24).holds(prefix("192.0.0.0", 16)));
    CHECK_FALSE(prefix("192.0.2.0", 24).holds(prefix("192.0.3.1", 32)));
    CHECK_FALSE(Prefix{}.holds(prefix("192.0.2.1", 32)));  // ::/0
}

TEST_CASE("more than there is room for is refused") {
    std::string text = "interfaces: [eth0]\nbalancers: [10.0.0.11]\nvips:\n";
    for (int i = 0; i <= 4096; ++i)
        text += fmt::format("  - 192.{}.{}.1\n", i / 256, i % 256);
    CHECK(texts(parse_backend_host(text, "a.yaml").errors) ==
          std::vector<std::string>{"a.yaml:4:3: vips: 4097 addresses do not fit; there is room for 4096"});
}

TEST_CASE("the side that a file is for is told by its keys") {
    CHECK(side_of("interfaces: [eth0]\nvips: [192.0.2.10]\n") == Side::kBackend);
    CHECK(side_of("vips: oops\nservice: []\n") == Side::kBackend);
    CHECK(side_of("balancers: [10.0.0.11]\n") == Side::kBackend);
    CHECK(side_of("interfaces: [eth0]\nservices: []\n") == Side::kBalancer);
    CHECK(side_of("interfaces: [eth0]\n") == std::nullopt);
    CHECK(side_of("") == std::nullopt);
    CHECK(side_of("services: []\nhash_key: oops\nvips: [192.0.2.10]\n") == Side::kBalancer);
    CHECK(side_of("- vips\n") == std::nullopt);
    CHECK(side_of("vips: [\n") == std::nullopt);  // no mapping: its keys cannot be told
}

TEST_CASE("the backend's reference is a file without errors that names every key") {
    const std::string text =
        std::regex_replace(backend_reference(), std::regex("(^|\n)( *)#([^ ])"), "$1$2$3");
    const auto parsed = parse_backend_host(text, "a.yaml");
    CHECK(texts(parsed.errors).empty());
    CHECK(texts(parsed.warnings).empty());
    std::vector<std::string> in_file;
    const auto document = read_document(text);
    for (const auto& entry : std::get<Mapping>(document.root.value))
        in_file.push_back(entry.key);
    std::vector<std::string> in_table;
    for (const auto& key : texts_of<BackendHost>())
        in_table.emplace_back(key.name);
    CHECK(in_file == in_table);
    CHECK(parsed.config.runtime_dir == BackendHost{}.runtime_dir);
    CHECK(parsed.config.pins == BackendHost{}.pins);
    CHECK(parsed.config.addresses == BackendHost{}.addresses);
}

TEST_CASE("configs/backend.yaml is without errors") {
    const auto text = read_file(std::string(GUIDEWAY_SOURCE_DIR) + "/configs/backend.yaml");
    REQUIRE(text);
    const auto parsed = parse_backend_host(*text, "backend.yaml");
    CHECK(texts(parsed.errors).empty());
    CHECK(texts(parsed.warnings).empty());
}

}  // namespace guideway::config
