// SPDX-License-Identifier: Apache-2.0
#include "datapath/former_maps.hpp"

#include <bpf/bpf.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "balancer.hpp"
#include "datapath/counters.hpp"
#include "datapath/datapath.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
const std::string kServices =
    "  - {name: one, listen: ['192.0.2.1:80/tcp'], backends: [10.0.0.1, 10.0.0.2, 10.0.0.3], tracking: "
    "always}\n"
    "  - {name: two, listen: ['192.0.2.2:53/udp'], backends: [10.0.0.4], deny: [198.51.100.0/24]}\n";

/// A BPF file system for as long as it lives.
class BpfFileSystem {
  public:
    BpfFileSystem() {
        char name[] = "/tmp/guideway-bpf-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        directory_ = name;
        REQUIRE(::mount("bpf", name, "bpf", 0, nullptr) == 0);
    }
    ~BpfFileSystem() {
        ::umount2(directory_.c_str(), MNT_DETACH);
        std::filesystem::remove(directory_);
    }
    BpfFileSystem(const BpfFileSystem&) = delete;
    BpfFileSystem& operator=(const BpfFileSystem&) = delete;
    [[nodiscard]] std::string pins() const { return directory_ + "/pins"; }

  private:
    std::string directory_;
};

UniqueFd make_array(const char* name, std::uint32_t value_size, std::uint32_t entries) {
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = BPF_F_MMAPABLE;
    UniqueFd fd(
        bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(std::uint32_t), value_size, entries, &options));
    REQUIRE(fd);
    return fd;
}

void put(int map, std::uint32_t key, const std::vector<std::uint8_t>& value) {
    REQUIRE(bpf_map_update_elem(map, &key, value.data(), BPF_ANY) == 0);
}

/// An element of 'services' as version 4 had it: without first_page and table_size.
std::vector<std::uint8_t> former(const abi::service& service) {
    std::vector<std::uint8_t> element(80);
    std::memcpy(element.data(), &service.first_backend, 8);
    std::memcpy(element.data() + 8, &service.flags, 72);
    return element;
}

std::vector<std::uint8_t> former(std::span<const std::uint16_t> slots) {
    std::vector<std::uint8_t> element((slots.size_bytes() + 7) / 8 * 8);
    std::memcpy(element.data(), slots.data(), slots.size_bytes());
    return element;
}

/// Pins what an agent of version 4 would have left of these maps.
void pin_as_version_4(const datapath::Maps& maps, const datapath::Pins& pins, std::uint32_t version = 4) {
    const auto& geometry = maps.geometry();
    const std::uint32_t services = geometry.max_services + 1;
    const std::uint32_t table_bytes = (geometry.table_size * 2 + 7) / 8 * 8;
    datapath::for_each_map(maps.fds(),
                           [&](const char* name, const UniqueFd& fd) { REQUIRE(pins.put(name, fd.get())); });
    const auto abi = make_array("abi", 8, 1);
    std::vector<std::uint8_t> versions(8);
    std::memcpy(versions.data(), &version, 4);
    std::memcpy(versions.data() + 4, &geometry.table_size, 4);
    put(abi.get(), 0, versions);
    const auto entries = make_array("services", 80, services);
    const auto tables = make_array("tables", table_bytes, services);
    const auto previous = make_array("previous", table_bytes, services);
    for (std::uint32_t number = 1; number < services; ++number) {
        if (maps.service(number).name[0] == '\0')
            continue;
        put(entries.get(), number, former(maps.service(number)));
        put(tables.get(), number, former(maps.table(number)));
        put(previous.get(), number, former(maps.previous(number)));
    }
    REQUIRE(pins.put("abi", abi.get()));
    REQUIRE(pins.put("services", entries.get()));
    REQUIRE(pins.put("tables", tables.get()));
    REQUIRE(pins.put("previous", previous.get()));
}

struct Upgrade {
    BpfFileSystem file_system;
    config::Config config = configure(kServices, ", max_services: 4, table_size: 251");
    std::unique_ptr<control::Replayer> before = balancer(config);
    datapath::Pins pins = datapath::Pins::create(file_system.pins()).value();

    Upgrade() { config.pins = file_system.pins(); }

    datapath::Datapath open() {
        auto opened = datapath::Datapath::open(config);
        if (!opened)
            FAIL(opened.error().message);
        return std::move(*opened);
    }
};
}  // namespace

TEST_CASE("maps of the ABI version before are taken over with services, moving slots, flows and counters") {
    Upgrade upgrade;
    auto& maps = upgrade.before->maps();
    const auto syn =
        FrameBuilder::ipv4("198.51.100.7", "192.0.2.1").tcp(80, FrameBuilder::kSyn, 1234).build();
    const auto slot = *run(*upgrade.before, syn).slot;
    maps.table(1)[slot] |= abi::SLOT_MOVING;
    maps.previous(1)[slot] = 2;
    maps.service(2).flags |= abi::SERVICE_RETIRED;
    pin_as_version_4(maps, upgrade.pins);

    const auto datapath = upgrade.open();
    const auto& after = datapath.maps();
    CHECK(datapath.adopted());
    CHECK(datapath.carried_over());
    CHECK(datapath.not_adopted_because().empty());
    CHECK(control::read_numbering(after) == control::read_numbering(maps));
    for (const std::uint32_t number : {1, 2}) {
        CHECK(std::ranges::equal(after.table(number), maps.table(number)));
        CHECK(std::ranges::equal(after.previous(number), maps.previous(number)));
        CHECK(after.service(number).filter == maps.service(number).filter);
        CHECK(after.service(number).flags == maps.service(number).flags);
        CHECK(std::ranges::equal(after.service(number).tracking, maps.service(number).tracking));
    }
    CHECK(after.service(3).name[0] == '\0');
    datapath::FlowScan flows(after);
    const auto entries = flows.next();
    REQUIRE(entries);
    CHECK(entries->size() == 1);
    CHECK(datapath::service_counters(after, 1)->traffic.packets == 1);
}

TEST_CASE("maps of an older version, or of another size, are not taken over") {
    Upgrade upgrade;
    SECTION("older") {
        pin_as_version_4(upgrade.before->maps(), upgrade.pins, 3);
    }
    SECTION("of another size") {
        pin_as_version_4(upgrade.before->maps(), upgrade.pins);
        upgrade.config.datapath.max_services = 5;
    }
    SECTION("not whole") {
        pin_as_version_4(upgrade.before->maps(), upgrade.pins);
        REQUIRE(upgrade.pins.remove("previous"));
    }
    SECTION("a mixture") {
        pin_as_version_4(upgrade.before->maps(), upgrade.pins);
        REQUIRE(upgrade.pins.put("tables", upgrade.before->maps().fds().tables.get()));
    }
    const auto datapath = upgrade.open();
    CHECK_FALSE(datapath.adopted());
    CHECK_FALSE(datapath.not_adopted_because().empty());
    CHECK(datapath.maps().service(1).name[0] == '\0');
}

TEST_CASE("services that lead beyond the maps are not adopted") {
    Upgrade upgrade;
    const auto& maps = upgrade.before->maps();
    datapath::for_each_map(
        maps.fds(), [&](const char* name, const UniqueFd& fd) { REQUIRE(upgrade.pins.put(name, fd.get())); });
    auto& service = maps.service(1);
    const auto whole = service;
    SECTION("pages") {
        service.first_page = 4;
    }
    SECTION("slots") {
        service.table_size = 0xffffffff;
    }
    SECTION("backends") {
        service.first_backend = 0xfffffff0;
    }
    CHECK_FALSE(upgrade.open().adopted());
    service = whole;
    CHECK(upgrade.open().adopted());
}
