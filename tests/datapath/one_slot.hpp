// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/bpf.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "balancer.hpp"
#include "control/slot_life.hpp"
#include "datapath/counters.hpp"
#include "datapath/flow_records.hpp"

namespace guideway::test {

/// The slot that tests look at.
inline constexpr std::uint32_t kWatchedSlot = 7;

/// Three backends, and one slot whose life the test decides. Time is the test's own.
class OneSlot {
  public:
    explicit OneSlot(const std::string& settings = "", const std::string& datapath = "")
        : config_(configure(
              "  - {name: web, listen: ['192.0.2.10:80/tcp', {listen: '192.0.2.10:443/udp', quic: true}, "
              "'192.0.2.10:53/udp'], idle_timeout: 20s" +
                  settings + ", backends: [10.0.0.1, 10.0.0.2, 10.0.0.3]}\n",
              ", table_size: 251" + datapath)),
          replayer_(balancer(config_)),
          life_(
              replayer_->maps().table(1), replayer_->maps().previous(1),
              [this](std::uint16_t number) { return is_alive(number); },
              control::desired_state(config_).services[0].tracking_settings, start_) {
        replayer_->maps().table(1)[kWatchedSlot] = 1;
        find_ports();
    }

    /// Where a TCP packet of the flow goes: a backend number, 0 = dropped.
    int tcp(int flow, std::uint8_t flags) {
        return backend_of(FrameBuilder::ipv4().tcp(80, flags, tcp_ports_.at(static_cast<std::size_t>(flow))));
    }
    int udp(std::uint16_t port, std::uint16_t source_port, const Frame& payload) {
        Frame datagram(8 + payload.size());
        datagram[0] = static_cast<std::uint8_t>(source_port >> 8);
        datagram[1] = static_cast<std::uint8_t>(source_port);
        datagram[2] = static_cast<std::uint8_t>(port >> 8);
        datagram[3] = static_cast<std::uint8_t>(port);
        datagram[5] = static_cast<std::uint8_t>(datagram.size());
        std::ranges::copy(payload, datagram.begin() + 8);
        return backend_of(FrameBuilder::ipv4().protocol(17, datagram));
    }
    /// Source ports of UDP flows that fall into the slot.
    std::vector<std::uint16_t> udp_ports(std::uint16_t port) {
        std::vector<std::uint16_t> ports;
        for (std::uint16_t source = 1024; ports.size() < 4; ++source) {
            if (slot_of(FrameBuilder::ipv4().udp(port, source)) == kWatchedSlot)
                ports.push_back(source);
        }
        return ports;
    }

    void move(std::uint16_t to) { life_.move(kWatchedSlot, to, now()); }
    void die(std::uint16_t number) { set_flags(number, abi::BACKEND_CONFIGURED | abi::BACKEND_NEXT_HOP); }
    void come_back(std::uint16_t number) {
        set_flags(number, abi::BACKEND_CONFIGURED | abi::BACKEND_NEXT_HOP | abi::BACKEND_ALIVE);
    }
    void pass_time(std::chrono::seconds time) { passed_ += time; }
    void sweep() {
        note_refusals();
        life_.advance(now());
        life_.begin_sweep(now());
        std::vector<abi::flow_id> gone;
        for (const auto& [id, record] : records()) {
            if (!life_.keeps(record))
                gone.push_back(id);
        }
        REQUIRE(datapath::delete_flow_records(replayer_->maps(), gone));
        life_.end_sweep();
    }

    std::vector<datapath::FlowEntry> records() {
        std::vector<datapath::FlowEntry> all;
        datapath::FlowScan scan(replayer_->maps());
        while (!scan.done()) {
            const auto entries = scan.next();
            REQUIRE(entries);
            all.insert(all.end(), entries->begin(), entries->end());
        }
        return all;
    }
    /// The program stamps records with the real time; this test's runs ahead of it.
    void stamp_records() {
        for (auto [id, record] : records()) {
            if (record.last_seen == stamps_[id.source_port])
                continue;
            record.last_seen =
                static_cast<std::uint64_t>(std::chrono::nanoseconds(now().time_since_epoch()).count());
            stamps_[id.source_port] = record.last_seen;
            REQUIRE(bpf_map_update_elem(replayer_->maps().fds().flows.get(), &id, &record, BPF_EXIST) == 0);
        }
    }
    /// Flow numbers to backend numbers.
    std::map<int, int> recorded() {
        std::map<int, int> flows;
        for (const auto& [id, record] : records()) {
            const auto port = std::ranges::find(tcp_ports_, ntohs(id.source_port));
            flows[static_cast<int>(port - tcp_ports_.begin())] = record.backend;
        }
        return flows;
    }

    abi::service_counters counters() { return *datapath::service_counters(replayer_->maps(), 1); }
    int previous() { return replayer_->maps().previous(1)[kWatchedSlot]; }
    int owner() { return replayer_->maps().table(1)[kWatchedSlot] & abi::SLOT_BACKEND; }
    bool moving() { return (replayer_->maps().table(1)[kWatchedSlot] & abi::SLOT_MOVING) != 0; }

  private:
    control::TimePoint now() const { return start_ + passed_; }
    bool is_alive(std::uint16_t number) const {
        return (replayer_->maps().backend(first() + number).flags & abi::BACKEND_ALIVE) != 0;
    }
    std::uint32_t first() const { return replayer_->maps().service(1).first_backend; }
    void set_flags(std::uint16_t number, std::uint16_t flags) {
        replayer_->maps().backend(first() + number).flags = flags;
    }
    /// Without recording anything.
    std::uint32_t slot_of(const FrameBuilder& frame) {
        auto& service = replayer_->maps().service(1);
        const auto entry = service;
        std::ranges::fill(service.tracking, abi::TRACKING_NEVER);
        const auto outcome = run(*replayer_, frame.build());
        service = entry;
        return outcome.slot.value_or(0);
    }
    int backend_of(const FrameBuilder& frame) {
        const auto outcome = run(*replayer_, frame.build());
        if (!outcome.backend)
            return 0;
        REQUIRE(outcome.slot == kWatchedSlot);
        return outcome.backend->bytes()[15];
    }
    void find_ports() {
        for (std::uint16_t port = 1024; tcp_ports_.size() < 16; ++port) {
            if (slot_of(FrameBuilder::ipv4().tcp(80, FrameBuilder::kAck, port)) == kWatchedSlot)
                tcp_ports_.push_back(port);
        }
    }
    void note_refusals() {
        const auto refused = counters().refused_records;
        if (refused > refused_) {
            life_.records_refused(now());
            life_.make_room(now());
        }
        refused_ = refused;
    }

    config::Config config_;
    std::unique_ptr<control::Replayer> replayer_;
    control::TimePoint start_ = control::SteadyClock::now();
    std::chrono::seconds passed_{0};
    control::SlotLife life_;
    std::vector<std::uint16_t> tcp_ports_;
    std::uint64_t refused_ = 0;
    std::map<std::uint16_t, std::uint64_t> stamps_;
};

}  // namespace guideway::test
