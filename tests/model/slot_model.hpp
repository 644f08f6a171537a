// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace guideway::test {

/// The rules of moving slots, both halves, for one slot, as plainly as they can be said; see
/// docs/connections.md. Time is in seconds. What is named in `without` is left out, to see that it
/// is needed.
class SlotModel {
  public:
    static constexpr int kIdleTimeout = 20;
    static constexpr int kGracePeriod = 1;

    struct Record {
        int backend = 0;
        int last_seen = 0;
    };

    SlotModel(std::size_t capacity, std::set<std::string> without)
        : capacity_(capacity), without_(std::move(without)) {}

    // --- the program's half
    /// The backend that a packet of a flow goes to; `starts`: it is a SYN without ACK.
    int packet(int flow, bool starts);

    // --- the agent's half
    void move(int backend);
    void die(int backend) { alive_[backend] = false; }
    void come_back(int backend) { alive_[backend] = true; }
    void sweep();

    void set_time(int now) { now_ = now; }
    [[nodiscard]] int owner() const { return owner_; }
    [[nodiscard]] int previous() const { return previous_; }
    [[nodiscard]] bool moving() const { return moving_; }
    [[nodiscard]] bool alive(int backend) const { return alive_.at(backend); }
    [[nodiscard]] const std::map<int, Record>& records() const { return records_; }
    /// Some record was refused so far.
    [[nodiscard]] bool was_short_of_room() const { return short_of_room_; }

  private:
    [[nodiscard]] bool has(const char* rule) const { return !without_.contains(rule); }
    bool record(int flow, int backend);
    void start_tracking();

    std::size_t capacity_;
    std::set<std::string> without_;
    int now_ = 0;
    int owner_ = 1;
    int previous_ = 0;
    bool moving_ = false;
    int learns_until_ = 0;
    int tracking_since_ = 0;
    bool refused_ = false;
    bool short_of_room_ = false;
    std::map<int, bool> alive_{{1, true}, {2, true}, {3, true}};
    std::map<int, Record> records_;
};

}  // namespace guideway::test
