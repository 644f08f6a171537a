// SPDX-License-Identifier: Apache-2.0
#include "bgp/message.hpp"

#include <catch2/catch.hpp>

namespace guideway::bgp {

namespace {

/// An event as ExaBGP 4.2.21 wrote it.
std::string event(const std::string& type, const std::string& rest) {
    return R"({ "exabgp": "4.0.1", "time": 1795534244.42, "host" : "lb1", "pid" : 20, "ppid" : 1, "counter": 6, "type": ")" +
           type +
           R"(", "neighbor": { "address": { "local": "10.9.0.2", "peer": "10.9.0.1" }, "asn": { "local": 65001, "peer": 65000 } , )" +
           rest + " } }";
}

SessionEvent session(const std::string& line) {
    const auto message = read_message(line);
    REQUIRE(std::holds_alternative<SessionEvent>(message));
    return std::get<SessionEvent>(message);
}

bool is_other(const std::string& line) {
    return std::holds_alternative<OtherLine>(read_message(line));
}

}  // namespace

TEST_CASE("acknowledgements are whole lines") {
    CHECK(std::get<Acknowledgement>(read_message("done")).ok);
    CHECK_FALSE(std::get<Acknowledgement>(read_message("error")).ok);
    for (const char* line : {"", "Done", "done ", "errors", "shutdown", "done\r"}) {
        INFO(line);
        CHECK(is_other(line));
    }
}

TEST_CASE("session events say whose session, what it is now, and why it ended") {
    const auto up = session(event("state", R"("state": "up")"));
    CHECK(up.peer == IpAddress::parse("10.9.0.1"));
    CHECK(up.session == Session::kUp);
    CHECK(session(event("fsm", R"("state": "ACTIVE")")).session == Session::kConnecting);
    CHECK(session(event("fsm", R"("state": "OPENSENT")")).session == Session::kOpening);
    CHECK(session(event("fsm", R"("state": "ESTABLISHED")")).session == Session::kUp);
    CHECK(session(event("fsm", R"("state": "IDLE")")).session == Session::kIdle);
    const auto down = session(event(
        "state",
        R"x("state": "down", "reason": "peer reset, message (notification sent (2,2)) error(OPEN message error / Bad Peer AS / ASN in OPEN (23456) did not match ASN expected (65000))")x"));
    CHECK(down.session == Session::kIdle);
    CHECK(down.reason ==
          "notification sent (2,2): OPEN message error / Bad Peer AS / ASN in OPEN (23456) did not match ASN "
          "expected (65000)");
    CHECK(
        session(
            event(
                "state",
                R"x("state": "down", "reason": "peer reset, message (closing connection) error(Broken TCP connection)")x"))
            .reason == "the TCP connection was refused or broke");
}

TEST_CASE("what a router says has our words, since ExaBGP's may be about its data only") {
    const auto reason = [](const std::string& text) {
        return session(event("state", R"x("state": "down", "reason": "peer reset, message ()x" + text + "\""))
            .reason;
    };
    CHECK(reason("notification received (2,2)) error('utf-8' codec can't decode byte 0xfc)") ==
          "notification received (2,2): bad peer AS; it expects this end to be in another");
    CHECK(reason("notification received (6,2)) error(Cease / Administrative Shutdown)") ==
          "notification received (6,2): administrative shutdown");
    CHECK(reason("notification received (3,1)) error(UPDATE message error / Malformed)") ==
          "notification received (3,1): UPDATE message error / Malformed");
}

TEST_CASE("raw control characters and foreign bytes in an event do not hide it") {
    CHECK(session(event("state",
                        "\"state\": \"down\", \"reason\": \"a\tb\x01"
                        "c\xff\xc3\""))
              .reason == "a b c  ");
}

TEST_CASE("events that mean nothing here, and broken ones, are passed over") {
    CHECK(is_other(event("notification", R"("state": "up")")));
    CHECK(is_other(event("state", R"("state": "sideways")")));
    CHECK(is_other(event("state", R"("state": 7)")));
    CHECK(is_other(event("state", R"("state": "up", "reason": [)")));
    CHECK(is_other(R"({"type": "state", "neighbor": {"address": {"peer": "nowhere"}, "state": "up"}})"));
    CHECK(is_other(R"({"type": "state", "neighbor": 3})"));
    CHECK(is_other("{"));
    CHECK(is_other("{}"));
}

TEST_CASE("the summary's lines name the sessions that are up") {
    const auto is_up = [](const char* line) {
        const auto message = read_message(line);
        const auto* peer = std::get_if<EstablishedPeer>(&message);
        return peer == nullptr ? "" : peer->peer.text();
    };
    CHECK(is_up("10.9.0.1        65000     0:00:04 established           2          1") == "10.9.0.1");
    CHECK(is_up("2001:db8::1  65000  3 days, 2:00:04 established  2  1") == "2001:db8::1");
    CHECK(is_up("10.9.0.1        65000     down active           2          1").empty());
    CHECK(is_up("Peer            AS        up/down state       |     #sent     #recvd").empty());
}

TEST_CASE("lines come whole, wherever their bytes are cut") {
    const std::string bytes = "done\n{\"a\": 1}\n\nerror\nrest";
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        LineBuffer buffer;
        auto lines = buffer.add(bytes.substr(0, cut));
        for (auto& line : buffer.add(bytes.substr(cut)))
            lines.push_back(line);
        CHECK(lines == std::vector<std::string>{"done", "{\"a\": 1}", "", "error"});
        CHECK(buffer.add("\n") == std::vector<std::string>{"rest"});
    }
}

TEST_CASE("a line without end is dropped, the one after it is not") {
    LineBuffer buffer;
    for (int i = 0; i < 30; ++i)
        CHECK(buffer.add(std::string(100'000, 'x')).empty());
    CHECK(buffer.add("x\ndone\n") == std::vector<std::string>{"done"});
}

}  // namespace guideway::bgp
