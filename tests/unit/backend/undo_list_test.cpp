// SPDX-License-Identifier: Apache-2.0
#include "backend/undo_list.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "util/file.hpp"

namespace guideway::backend {

namespace {
struct Directory {
    std::string path;

    Directory() {
        char name[] = "/tmp/undo-list-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~Directory() { std::filesystem::remove_all(path); }
};

config::Prefix prefix(const char* address, std::uint8_t length) {
    return {*IpAddress::parse(address), length};
}
}  // namespace

TEST_CASE("a successor reads what was noted") {
    const Directory directory;
    auto list = UndoList::read(directory.path);
    CHECK(list.vips.empty());
    list.vips = {*IpAddress::parse("192.0.2.10"), *IpAddress::parse("2001:db8::10")};
    list.routes = {prefix("192.0.2.64", 26), prefix("2001:db8:2::", 64)};
    list.settings = {{"/proc/sys/net/ipv4/conf/eth0/arp_ignore", "0"}};
    REQUIRE(list.write());
    const auto again = UndoList::read(directory.path);
    CHECK(again.vips == list.vips);
    CHECK(again.routes == list.routes);
    CHECK(again.settings == list.settings);
    REQUIRE(list.remove());
    CHECK(UndoList::read(directory.path).vips.empty());
    CHECK(list.remove());
}

TEST_CASE("lines that cannot be read are passed over") {
    const Directory directory;
    REQUIRE(replace_file(directory.path + "/undo",
                         "vip 192.0.2.300\nroute 192.0.2.10/24\nroute\nsetting /proc/x\nnew thing\n\n"
                         "route 192.0.2.0/24\nvip 192.0.2.10\n"));
    const auto list = UndoList::read(directory.path);
    CHECK(list.vips == std::set{*IpAddress::parse("192.0.2.10")});
    CHECK(list.routes == std::set{prefix("192.0.2.0", 24)});
    CHECK(list.settings.empty());
}

}  // namespace guideway::backend
