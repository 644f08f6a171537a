// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <regex>

#include "config/document.hpp"
#include "config/schema.hpp"
#include "support.hpp"

namespace guideway::config {

namespace {

/// The reference with every key set.
std::string with_every_key() {
    const std::string text = std::regex_replace(reference(), std::regex("(^|\n)( *)#([^ ])"), "$1$2$3");
    return std::regex_replace(text, std::regex("\nhash_key: .*"), "");
}

/// The keys at each place of a document: `services[].backends[].address`.
void collect_paths(const Node& node, std::string path, std::vector<std::string>& paths) {
    if (const auto* sequence = std::get_if<Sequence>(&node.value))
        for (const Node& item : *sequence)
            collect_paths(item, path + "[]", paths);
    if (const auto* mapping = std::get_if<Mapping>(&node.value))
        for (const Entry& entry : *mapping) {
            paths.push_back(path + "." + entry.key);
            collect_paths(entry.value, paths.back(), paths);
        }
}

void collect_keys(const std::vector<KeyText>& keys, const std::string& path,
                  std::vector<std::string>& paths) {
    for (const KeyText& key : keys) {
        paths.push_back(path + "." + std::string(key.name));
        if (key.children)
            collect_keys(key.children(), paths.back() + (key.layout == Layout::kMappings ? "[]" : ""), paths);
    }
}

}  // namespace

TEST_CASE("configs/reference.yaml is what the table of keys says") {
    const std::string path = std::string(GUIDEWAY_SOURCE_DIR) + "/configs/reference.yaml";
    if (std::getenv("GUIDEWAY_UPDATE") != nullptr)
        std::ofstream(path) << reference();
    INFO("refresh it: GUIDEWAY_UPDATE=1 build/unit_config '" << Catch::getResultCapture().getCurrentTestName()
                                                             << "'");
    CHECK(read_file(path).value_or("") == reference());
}

TEST_CASE("the reference is a configuration without errors that needs nothing unbuilt") {
    const Parsed parsed = parse_text(reference());
    CHECK(texts(parsed.errors).empty());
    CHECK(texts(parsed.warnings).empty());
    CHECK(texts(parsed.unbuilt).empty());
}

TEST_CASE("the reference with every key set has no errors, and no key of the table is left out") {
    const std::string text = with_every_key();
    auto errors =
        texts(parse(text, "a.yaml", [](const auto&) { return read_test_key("/keys/good"); }).errors);
    // No check takes all keys of checks.
    std::erase_if(errors, [](const std::string& error) {
        return error.find(": a tcp check ignores it; it is for ") != std::string::npos;
    });
    CHECK(errors.empty());
    std::vector<std::string> in_file;
    collect_paths(read_document(text).root, "", in_file);
    std::vector<std::string> in_table;
    collect_keys(texts_of<Config>(), "", in_table);
    std::erase(in_table, ".hash_key");
    CHECK(in_file == in_table);
}

TEST_CASE("the defaults that the reference states are those of the model") {
    const Config set =
        parse(with_every_key(), "a.yaml", [](const auto&) { return read_test_key("/keys/good"); }).config;
    const Config unset;
    CHECK(set.runtime_dir == unset.runtime_dir);
    CHECK(set.pins == unset.pins);
    CHECK(set.datapath.mode == unset.datapath.mode);
    CHECK(set.datapath.attach == unset.datapath.attach);
    CHECK(set.datapath.table_size == unset.datapath.table_size);
    CHECK(set.datapath.max_services == unset.datapath.max_services);
    CHECK(set.datapath.max_backends == unset.datapath.max_backends);
    CHECK(set.datapath.max_flows == unset.datapath.max_flows);
    CHECK(set.datapath.probe_mark == unset.datapath.probe_mark);
}

TEST_CASE("the defaults that the reference states for a service are those of the model") {
    const Config config =
        parse(with_every_key(), "a.yaml", [](const auto&) { return read_test_key("/keys/good"); }).config;
    REQUIRE(config.services.size() == 1);
    const Service& set = config.services[0];
    const Service unset;
    CHECK(set.encapsulation == unset.encapsulation);
    CHECK(set.affinity == unset.affinity);
    CHECK(set.idle_timeout == unset.idle_timeout);
    CHECK(set.max_drain == unset.max_drain);
    CHECK(set.on_down == unset.on_down);
    CHECK(set.slow_start == unset.slow_start);
    CHECK(set.panic_threshold_percent == unset.panic_threshold_percent);
    CHECK(set.allow == unset.allow);
    CHECK(set.deny == unset.deny);
    REQUIRE(set.backends.size() == 2);
    CHECK(set.backends[1].weight == Backend{}.weight);
    CHECK(set.backends[1].state == Backend{}.state);
}

TEST_CASE("the defaults that the reference states for health and announcements are those of the model") {
    const Config config =
        parse(with_every_key(), "a.yaml", [](const auto&) { return read_test_key("/keys/good"); }).config;
    REQUIRE(config.services.size() == 1);
    REQUIRE(config.services[0].health);
    const Health& health = *config.services[0].health;
    CHECK(health.check == Health{}.check);
    CHECK(health.path == Health{}.path);
    CHECK(health.via == Health{}.via);
    CHECK(health.interval == Health{}.interval);
    CHECK(health.timeout == Health{}.timeout);
    CHECK(health.rise == Health{}.rise);
    CHECK(health.fall == Health{}.fall);
    CHECK(health.method == Health{}.method);
    CHECK(health.tls_verify == Health{}.tls_verify);
    CHECK(health.alpn == Health{}.alpn);
    CHECK(health.damping == Health{}.damping);
    CHECK(health.max_move_percent == Health{}.max_move_percent);
    const Announce& announce = config.services[0].announce;
    CHECK(announce.min_healthy == Announce{}.min_healthy);
    CHECK(announce.when == Announce{}.when);
    CHECK(announce.communities == Announce{}.communities);
    REQUIRE(config.bgp);
    CHECK(config.bgp->graceful_shutdown == Bgp{}.graceful_shutdown);
    REQUIRE(config.bgp->peers.size() == 1);
    CHECK(config.bgp->peers[0].port == Peer{}.port);
    CHECK(config.bgp->peers[0].hold_time == Peer{}.hold_time);
    CHECK(config.bgp->peers[0].graceful_restart == Peer{}.graceful_restart);
}

}  // namespace guideway::config
