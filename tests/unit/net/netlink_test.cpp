// SPDX-License-Identifier: Apache-2.0
#include <linux/neighbour.h>

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
