// SPDX-License-Identifier: Apache-2.0
#include <linux/neighbour.h>
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "lab.hpp"
#include "net/interface.hpp"

using namespace guideway::net;

TEST_CASE("a refusal carries the kernel's own explanation") {
    Lab lab;
    ndmsg nobody{};
    nobody.ndm_family = AF_INET;
    nobody.ndm_ifindex = lab.a0;
    Request request(RTM_NEWNEIGH, NLM_F_CREATE, nobody);

    const auto answered = lab.netlink.talk(request);

    REQUIRE_FALSE(answered);
    CHECK(answered.error().code == EINVAL);
    CHECK(answered.error().cause == "Invalid argument (Network address not specified)");
}

TEST_CASE("a socket answers after it has refused") {
    Lab lab;
    REQUIRE_FALSE(interface_at(lab.netlink, 4711));
    CHECK(interface_at(lab.netlink, lab.a0)->name == "a0");
}

TEST_CASE("answers that come late to a request that failed are not taken for the next one's") {
    Lab lab;
    // As one that failed while its answers were still to come: they wait in the socket now.
    for (const unsigned sequence : {4711U, 4712U}) {
        ifinfomsg header{};
        header.ifi_index = lab.a1;
        Request late(RTM_GETLINK, NLM_F_ACK, header);
        late.message().nlmsg_seq = sequence;
        REQUIRE(::send(lab.netlink.fd(), &late.message(), late.message().nlmsg_len, 0) > 0);
    }
    CHECK(interface_at(lab.netlink, lab.a0)->name == "a0");
    CHECK(interface_at(lab.netlink, lab.a1)->name == "a1");
    CHECK(link_addresses(lab.netlink, lab.a0)->front() == mac("02:00:00:00:00:a0"));
}

TEST_CASE("a host's addresses on an interface are its own and those of devices on top, but a guest's") {
    Lab lab;
    lab.here({"ip link add link a0 name upon type macvlan", "ip link set upon address 02:00:00:00:00:11",
              "ip link add link a0 name guest type macvtap", "ip link set guest address 02:00:00:00:00:12"});
    auto addresses = link_addresses(lab.netlink, lab.a0).value();
    std::ranges::sort(addresses);
    CHECK(addresses == std::vector{mac("02:00:00:00:00:11"), mac("02:00:00:00:00:a0")});
    CHECK(link_addresses(lab.netlink, lab.a1).value() ==
          std::vector{interface_named(lab.netlink, "a1")->mac.value()});
}

TEST_CASE("an interface is found by name and by index") {
    Lab lab;
    lab.here({"ip link set a0 mtu 1600"});
    const Interface expected{.index = lab.a0,
                             .name = "a0",
                             .mac = mac("02:00:00:00:00:a0"),
                             .mtu = 1600,
                             .up = true,
                             .carrier = true,
                             .vlan = {}};
    CHECK(interface_named(lab.netlink, "a0") == expected);
    CHECK(interface_at(lab.netlink, lab.a0) == expected);
}

TEST_CASE("an interface tells that it is down, or that its link is") {
    Lab lab;
    lab.there({"ip link set b0 down"});
    CHECK(interface_named(lab.netlink, "a0")->up);
    CHECK_FALSE(interface_named(lab.netlink, "a0")->carrier);

    lab.here({"ip link set a1 down"});
    CHECK_FALSE(interface_named(lab.netlink, "a1")->up);
    CHECK_FALSE(interface_named(lab.netlink, "a1")->carrier);
}

TEST_CASE("loopback has no Ethernet address") {
    Lab lab;
    CHECK_FALSE(interface_named(lab.netlink, "lo")->mac);
}

TEST_CASE("an interface that does not exist is named in the error") {
    Lab lab;
    CHECK(interface_named(lab.netlink, "eth7").error().message ==
          "no interface eth7: No such device; name one that `ip link` shows");
    CHECK(interface_at(lab.netlink, 4711).error().message == "no interface with index 4711: No such device");
    CHECK(interface_named(lab.netlink, "an-interface-name").error().message ==
          "no interface an-interface-name: a name has 1 to 15 characters");
}
