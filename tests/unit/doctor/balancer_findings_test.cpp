// SPDX-License-Identifier: Apache-2.0
#include "doctor/balancer_findings.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "doctor/backend_findings.hpp"

using namespace guideway::doctor;

namespace {
using Json = nlohmann::ordered_json;

/// A balancer of which all is well.
Json well() {
    return Json::parse(R"({
        "agent": {"fault": null, "degraded": [], "config_file": "/etc/guideway/guideway.yaml",
                  "last_reload": {"ok": true, "errors": []}},
        "interfaces": [{"name": "eth0", "attached": true}],
        "services": [{
            "name": "web", "fault": null, "health": {"panic": false},
            "backends": [{"address": "10.0.0.1", "trouble": null,
                          "next_hop": {"interface": "eth0", "mac": "02:00:00:00:00:01"},
                          "health": {"state": "up", "reason": null, "serves": true, "untried": false}}]}],
        "bgp": {"running": true, "last_error": null, "presence": "present",
                "peers": [{"address": "10.0.0.254", "state": "established", "last_error": null}],
                "vips": [{"vip": "192.0.2.10", "announced": true, "reason": null}]},
        "flow_table": {"records": 0, "capacity": 1000},
        "verdicts": {"forwarded": {"packets": 5}, "no_backend": {"packets": 0}, "not_vip": {"packets": 7}}
    })");
}

/// The checks that find something, with what about.
std::vector<std::string> found(const Json& status) {
    std::vector<std::string> texts;
    for (const auto& each : findings_in_status(status)) {
        CHECK_FALSE(each.what.empty());
        CHECK_FALSE(each.why.empty());
        CHECK_FALSE(each.mend.empty());
        texts.push_back(each.check + " " + each.object);
    }
    return texts;
}

using Texts = std::vector<std::string>;
}  // namespace

TEST_CASE("where all is well nothing is found") {
    CHECK(found(well()).empty());
    auto quiet = well();
    quiet["bgp"] = nullptr;
    quiet["services"][0]["health"] = nullptr;
    quiet["services"][0]["backends"][0]["health"] = nullptr;
    CHECK(found(quiet).empty());
}

TEST_CASE("each trouble of a status is found") {
    auto status = well();
    Texts wanted;
    SECTION("no agent") {
        status["agent"] = nullptr;
        wanted = {"agent "};
    }
    SECTION("fault") {
        status["agent"]["fault"] = "the self-test fails";
        wanted = {"fault "};
    }
    SECTION("degraded") {
        status["agent"]["degraded"] = {"eth1 is away"};
        wanted = {"degraded "};
    }
    SECTION("a refused reload") {
        status["agent"]["last_reload"] = {{"ok", false}, {"errors", {"services: wrong"}}};
        wanted = {"reload /etc/guideway/guideway.yaml"};
    }
    SECTION("not attached") {
        status["interfaces"][0]["attached"] = false;
        wanted = {"attachment eth0"};
    }
    SECTION("a service that is not forwarded, and panics") {
        status["services"][0]["fault"] = "its self-test fails";
        status["services"][0]["health"]["panic"] = true;
        wanted = {"service web", "panic web"};
    }
    SECTION("no backends") {
        status["services"][0]["backends"] = Json::array();
        wanted = {"service web"};
    }
    SECTION("no next hop") {
        status["services"][0]["backends"][0]["next_hop"] = nullptr;
        status["services"][0]["backends"][0]["trouble"] = "no route";
        wanted = {"next_hop 10.0.0.1 of web"};
    }
    SECTION("a backend is down") {
        status["services"][0]["backends"][0]["health"] = {
            {"state", "down"}, {"reason", "refused"}, {"serves", false}, {"untried", false}};
        wanted = {"health 10.0.0.1 of web"};
    }
    SECTION("a backend cannot be probed") {
        status["services"][0]["backends"][0]["health"]["untried"] = true;
        wanted = {"health 10.0.0.1 of web"};
    }
    SECTION("ExaBGP") {
        status["bgp"]["running"] = false;
        wanted = {"exabgp "};
    }
    SECTION("a session, and what it announces") {
        status["bgp"]["peers"][0]["state"] = "connecting";
        status["bgp"]["vips"][0]["announced"] = false;
        wanted = {"bgp_session 10.0.0.254", "vip 192.0.2.10"};
    }
    SECTION("withdrawn by hand") {
        status["bgp"]["presence"] = "gone";
        status["bgp"]["vips"][0]["announced"] = false;
        wanted = {"withdrawn "};
    }
    SECTION("a full flow table") {
        status["flow_table"]["records"] = 800;
        wanted = {"flow_table "};
    }
    SECTION("verdicts that nobody should have") {
        status["verdicts"]["no_backend"]["packets"] = 3;
        wanted = {"verdict no_backend"};
    }
    CHECK(found(status) == wanted);
}

TEST_CASE("each trouble of a backend's status is found") {
    auto status = Json::parse(R"({
        "helper": {"config_file": "/etc/guideway/backend.yaml", "last_reload": {"ok": true, "errors": []}},
        "fault": null, "degraded": [], "interfaces": [{"name": "eth0", "attached": true}],
        "vips": [{"vip": "192.0.2.10", "local": true}, {"vip": "192.0.2.0/28", "local": null}],
        "verdicts": {"unwrapped": {"packets": 9}, "unknown_balancer": {"packets": 0}}
    })");
    CHECK(findings_in_backend_status(status).empty());
    std::string wanted;
    SECTION("no helper") {
        status["helper"] = nullptr;
        wanted = "helper";
    }
    SECTION("a refused reload") {
        status["helper"]["last_reload"] = {{"ok", false}, {"errors", {"vips: wrong"}}};
        wanted = "reload";
    }
    SECTION("a VIP is not local") {
        status["vips"][0]["local"] = false;
        wanted = "vip";
    }
    SECTION("a setting of the host") {
        status["degraded"] = {"eth0: rp_filter is strict"};
        wanted = "host";
    }
    SECTION("not attached") {
        status["interfaces"][0]["attached"] = false;
        wanted = "attachment";
    }
    SECTION("packets of an unknown balancer") {
        status["verdicts"]["unknown_balancer"]["packets"] = 1;
        wanted = "verdict";
    }
    const auto findings = findings_in_backend_status(status);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].check == wanted);
}
