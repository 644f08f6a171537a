// SPDX-License-Identifier: Apache-2.0
#include "api/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "util/unique_fd.hpp"

using namespace guideway;
using namespace guideway::api;

TEST_CASE("a server is a host and a port") {
    CHECK(Server::parse("lb1:9660")->text() == "lb1:9660");
    CHECK(Server::parse("10.0.0.11:1")->host == "10.0.0.11");
    CHECK(Server::parse("[2001:db8::1]:65535")->host == "2001:db8::1");
    CHECK(Server::parse("[2001:db8::1]:65535")->text() == "[2001:db8::1]:65535");
    for (const char* text : {"", "lb1", "lb1:", ":9660", "lb1:0", "lb1:65536", "lb1:http", "lb1:9660x",
                             "2001:db8::1:9660", "[]:9660"}) {
        INFO(text);
        CHECK(!Server::parse(text));
    }
}

TEST_CASE("servers that do not answer are told apart from those that are not there") {
    const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    REQUIRE(::bind(silent.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(silent.get(), 1) == 0);
    REQUIRE(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    const Server waits{"127.0.0.1", std::to_string(ntohs(address.sin_port))};
    const Server refuses{"127.0.0.1", "1"};

    const auto replies = get_from_all({waits, refuses}, "/", std::chrono::milliseconds(200));
    REQUIRE(replies.size() == 2);
    REQUIRE(!replies[0]);
    REQUIRE(!replies[1]);
    CHECK(replies[1].error().message ==
          "ask 127.0.0.1:1: Connection refused; does its agent run, with `http:` where it can be reached?");
    CHECK(replies[0].error().message != replies[1].error().message);
}
