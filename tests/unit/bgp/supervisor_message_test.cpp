// SPDX-License-Identifier: Apache-2.0
#include "bgp/supervisor_message.hpp"

#include <catch2/catch.hpp>

namespace guideway::bgp {

namespace {

using namespace std::chrono_literals;

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

/// What arrives at the other end.
template <typename Message>
Message sent(const FromAgent& message) {
    return std::get<Message>(read_from_agent(to_line(message)).value());
}
template <typename Message>
Message sent_back(const FromSupervisor& message) {
    return std::get<Message>(read_from_supervisor(to_line(message)).value());
}

}  // namespace

TEST_CASE("what an agent tells the supervisor arrives as it was") {
    CHECK(sent<Beat>(Beat{true}).complete);
    CHECK_FALSE(sent<Beat>(Beat{false}).complete);
    const auto terms = sent<Terms>(Terms{1500ms, {"/pins/link-eth0", "/pins/link-eth1"}});
    CHECK(terms.hold == 1500ms);
    CHECK(terms.links == std::vector<std::string>{"/pins/link-eth0", "/pins/link-eth1"});
    const Neighbors neighbors{{ip("10.0.0.1"), "neighbor 10.0.0.1 {\n}\n"}, {ip("2001:db8::1"), "\"x\""}};
    CHECK(sent<Configure>(Configure{neighbors}).neighbors == neighbors);
    const auto command = announce_command(ip("2001:db8::10"), {}, {ip("10.0.0.1"), ip("10.0.0.2")});
    const auto arrived = sent<Command>(command);
    CHECK(arrived.kind == Command::Kind::kAnnounce);
    CHECK(arrived.vip == command.vip);
    CHECK(arrived.peers == command.peers);
    CHECK(arrived.text == command.text);
    CHECK(sent<Command>(reload_command()).kind == Command::Kind::kReload);
}

TEST_CASE("what the supervisor tells an agent arrives as it was") {
    const auto held = sent_back<Held>(Held{ip("10.0.0.1"), {ip("192.0.2.10"), ip("2001:db8::10")}});
    CHECK(held.peer == ip("10.0.0.1"));
    CHECK(held.vips == std::vector<IpAddress>{ip("192.0.2.10"), ip("2001:db8::10")});
    const auto hello = sent_back<Hello>(Hello{.program = "exabgp",
                                              .started = true,
                                              .process = {4711, 104},
                                              .neighbors = {{ip("10.0.0.1"), "x"}},
                                              .alone = 12s});
    CHECK(hello.protocol == kSupervisorProtocol);
    CHECK(hello.program == "exabgp");
    CHECK(hello.started);
    CHECK(hello.process.id == 4711);
    CHECK(hello.neighbors == Neighbors{{ip("10.0.0.1"), "x"}});
    CHECK(hello.alone == 12s);
    CHECK(sent_back<Started>(Started{{4711, 104}}).process.id == 4711);
    CHECK(sent_back<Started>(Started{{4711, 104}}).process.user == 104);
    CHECK(sent_back<Configured>(Configured{"no space left"}).error == "no space left");
    CHECK(sent_back<Hearing>(Hearing{true}).hears);
    CHECK(sent_back<Ended>(Ended{"exit status 1"}).reason == "exit status 1");
    // Other people's bytes are no reason to fail.
    CHECK(sent_back<Heard>(Heard{"\xff\x01 x"}).line.ends_with(" x"));
}

TEST_CASE("a line that is no message is an error, whatever it is") {
    for (const char* line : {"", "done", "{", "{}", "[]", "{\"beat\":1}", "{\"beat\":true,\"terms\":1}",
                             "{\"other\":1}", "{\"say\":{\"kind\":1,\"text\":\"x\",\"peers\":[\"x\"]}}",
                             "{\"configure\":{\"x\":\"y\"}}", "{\"terms\":{\"hold_ms\":\"x\"}}"})
        CHECK_FALSE(read_from_agent(line));
    for (const char* line : {"", "{\"hello\":{}}", "{\"held\":[]}", "{\"ended\":null}", "{\"beat\":true}"})
        CHECK_FALSE(read_from_supervisor(line));
}

}  // namespace guideway::bgp
