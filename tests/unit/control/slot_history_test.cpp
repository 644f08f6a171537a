// SPDX-License-Identifier: Apache-2.0
#include "control/slot_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>

#include "control/service_table.hpp"
#include "control/slot_life.hpp"

using namespace guideway;
using namespace guideway::control;
using namespace std::chrono_literals;
using datapath::HopNumber;

namespace {
constexpr TimePoint kStart{std::chrono::hours(1)};

/// One slot, whose hops above 99 are IPv6.
struct OneSlot {
    std::vector<abi::chance_list> lists{1};
    Revision revision = std::make_shared<std::uint32_t>(1);
    SlotHistory history;

    explicit OneSlot(unsigned max_hops = 4)
        : history(
              lists, {.max_hops = max_hops, .max_drain = 60min}, [](HopNumber hop) { return hop < 100; },
              revision, kStart) {}

    void owned(std::initializer_list<std::pair<HopNumber, std::chrono::seconds>> tenures) {
        for (const auto& [hop, tenure] : tenures) {
            history.move(0, hop, now);
            now += tenure;
        }
    }
    [[nodiscard]] std::vector<HopNumber> named() const {
        std::vector<HopNumber> hops;
        for (const auto hop : lists[0].hops) {
            if (hop != 0)
                hops.push_back(hop);
        }
        return hops;
    }
    TimePoint now = kStart;
};
using Hops = std::vector<HopNumber>;
}  // namespace

TEST_CASE("former owners are named by how long they owned the slot, all times together") {
    OneSlot slot;
    slot.owned({{1, 10s}, {2, 30s}, {3, 20s}, {4, 5s}});
    CHECK(slot.named() == Hops{2, 3, 1});
    slot.owned({{1, 15s}, {4, 0s}});
    CHECK(slot.named() == Hops{2, 1, 3});
}

TEST_CASE("an owner that returns is named no more, and its tenure goes on") {
    OneSlot slot;
    slot.owned({{1, 10s}, {2, 12s}, {1, 10s}});
    CHECK(slot.named() == Hops{2});
    slot.owned({{3, 0s}});
    CHECK(slot.named() == Hops{1, 2});
}

TEST_CASE("the dead are passed over, and not forgotten") {
    OneSlot slot;
    slot.owned({{1, 10s}, {2, 12s}, {3, 0s}});
    CHECK(slot.history.refresh({2}, slot.now) == std::vector<std::uint32_t>{0});
    CHECK(slot.named() == Hops{1});
    CHECK(slot.history.refresh({2}, slot.now).empty());
    CHECK(slot.history.refresh({}, slot.now) == std::vector<std::uint32_t>{0});
    CHECK(slot.named() == Hops{2, 1});
}

TEST_CASE("max_drain after it gave the slot up a former owner is forgotten") {
    OneSlot slot;
    slot.owned({{1, 10s}, {2, 40min}, {3, 0s}});
    static_cast<void>(slot.history.refresh({}, slot.now + 21min));
    CHECK(slot.named() == Hops{2});
    static_cast<void>(slot.history.refresh({}, slot.now + 61min));
    CHECK(slot.named().empty());
    CHECK(slot.history.is_empty());
}

TEST_CASE("hops have the owner's family; those without room are counted") {
    OneSlot slot(2);
    slot.owned({{1, 10s}, {101, 50s}, {2, 20s}, {3, 30s}, {4, 0s}});
    CHECK(slot.named() == Hops{3, 2});
    CHECK(slot.history.counts().slots[2] == 1);
    CHECK(slot.history.counts().left_out == 1);
    slot.owned({{102, 0s}});
    CHECK(slot.named() == Hops{101});
    CHECK(slot.history.counts().left_out == 0);
}

TEST_CASE("what others know is added: the latest end, the longest tenure, their present owner") {
    OneSlot slot;
    slot.owned({{1, 10s}, {2, 0s}});
    slot.history.merge(
        0, {.owner = 3, .since = slot.now - 5s, .former = {{1, slot.now - 1min, 90s}, {4, slot.now, 40s}}},
        slot.now);
    CHECK(slot.named() == Hops{1, 4, 3});
    CHECK(slot.history.changed_since(1) == std::vector<std::uint32_t>{});
    CHECK(slot.history.changed_since(0) == std::vector<std::uint32_t>{0});
    const auto told = (*slot.revision)++;
    slot.history.merge(0, {.owner = 3, .since = slot.now - 9s, .former = {}}, slot.now + 4s);
    CHECK(slot.history.changed_since(told).empty());
    slot.history.merge(0, {.owner = 5, .since = slot.now, .former = {}}, slot.now);
    CHECK(slot.history.changed_since(told) == std::vector<std::uint32_t>{0});
}

TEST_CASE("no more than sixteen are remembered, the latest") {
    OneSlot slot(8);
    for (HopNumber hop = 1; hop <= 20; ++hop)
        slot.owned({{hop, 1s}});
    CHECK(slot.history.past(0).former.size() == 16);
    CHECK(slot.history.past(0).former.front().hop == 4);
}

TEST_CASE("a change of tracking takes over whose flows there are, both ways") {
    std::vector<std::uint16_t> slots{1, 1}, previous{0, 0};
    std::vector<abi::chance_list> lists(2);
    const TrackingSettings records{.tracks = true, .always = true};
    const TrackingSettings names{.tracks = false, .second_chance = true, .max_hops = 4};
    SlotLife life(slots, previous, [](std::uint16_t) { return true; }, records, kStart);
    life.move(0, 2, kStart);
    REQUIRE(previous[0] == 1);

    const HopDirectory hops{[](std::uint16_t number) { return HopNumber{number}; },
                            [] { return std::map<HopNumber, std::uint16_t>{{1, 1}, {2, 2}, {3, 3}}; },
                            [] { return std::set<HopNumber>{}; }};
    life.name_former_owners(SlotHistory(
                                lists, {.max_hops = 4, .max_drain = 60min}, [](HopNumber) { return true; },
                                std::make_shared<std::uint32_t>(1), kStart),
                            hops, kStart);
    life.configure(names, kStart);
    CHECK(lists[0].hops[0] == 1);
    CHECK(slots[0] == (2 | abi::SLOT_MOVING));
    CHECK(previous[0] == 0);

    REQUIRE(life.needs_sweeps());
    const abi::flow_record record{.last_seen = 0, .slot = 1, .backend = 3, .padding = 0};
    life.begin_sweep(TimePoint{} + 1s);
    CHECK_FALSE(life.keeps(record));
    life.end_sweep();
    CHECK(lists[1].hops[0] == 3);
    CHECK(slots[1] == (1 | abi::SLOT_MOVING));

    life.configure({.tracks = true}, kStart);
    CHECK_FALSE(life.names_former_owners());
    CHECK(previous == std::vector<std::uint16_t>{1, 3});
    CHECK(slots == std::vector<std::uint16_t>{2 | abi::SLOT_MOVING, 1 | abi::SLOT_MOVING});
}

namespace {
constexpr std::uint32_t kSlots = 251;
constexpr int kBalancers = 4, kBackends = 14, kFlows = 1500, kSeconds = 400;

/// Balancers that notice changes at different moments, in front of backends that hand packets on. The
/// histories are the agent's own; the tables, too.
class Fleet {
  public:
    struct Rules {
        unsigned max_hops = 8;
        bool exchange = true;  ///< each second
        bool recall = true;    ///< at a reboot, from disk or peers
    };

    Fleet(const Rules& rules, unsigned seed) : rules_(rules), random_(seed) {
        for (int i = 0; i < kBackends; ++i)
            serves_.push_back(i < 10);
        for (int i = 0; i < kBalancers; ++i)
            balancers_.push_back(std::make_unique<Balancer>(rules.max_hops));
        for (auto& balancer : balancers_)
            balancer->become(table(), now_);
        for (int i = 0; i < kFlows; ++i)
            flows_.push_back(begin_flow());
    }

    /// How many packets came to nobody who knows their flow.
    int run() {
        for (int second = 1; second < kSeconds; ++second) {
            now_ = kStart + std::chrono::seconds(second);
            if (second % 5 == 0)
                change();
            if (second % 40 == 0)
                reboot(*balancers_[draw(kBalancers)]);
            for (auto& balancer : balancers_)
                balancer->notice(now_);
            if (rules_.exchange)
                exchange();
            send();
        }
        return misplaced_;
    }

  private:
    using Owners = std::vector<HopNumber>;

    struct Balancer {
        std::vector<abi::chance_list> lists{kSlots};
        Owners owners = Owners(kSlots);
        std::unique_ptr<SlotHistory> history;
        std::vector<std::pair<TimePoint, Owners>> due;
        unsigned max_hops;

        explicit Balancer(unsigned hops) : max_hops(hops) { forget(kStart); }
        void forget(TimePoint now) {
            lists.assign(kSlots, {});
            owners.assign(kSlots, 0);
            history = std::make_unique<SlotHistory>(
                lists, SlotHistory::Settings{.max_hops = max_hops, .max_drain = 60min},
                [](HopNumber) { return true; }, std::make_shared<std::uint32_t>(1), now);
        }
        void become(const Owners& next, TimePoint now) {
            for (std::uint32_t slot = 0; slot < kSlots; ++slot)
                history->move(slot, next[slot], now);
            owners = next;
        }
        void notice(TimePoint now) {
            std::erase_if(due, [&](const auto& change) {
                if (change.first > now)
                    return false;
                become(change.second, now);
                return true;
            });
        }
        [[nodiscard]] bool leads_to(std::uint32_t slot, HopNumber backend) const {
            return owners[slot] == backend ||
                   std::ranges::find(lists[slot].hops, backend) != std::end(lists[slot].hops);
        }
    };
    struct Flow {
        std::uint32_t slot;
        HopNumber backend;
    };

    std::size_t draw(int below) { return random_() % static_cast<unsigned>(below); }

    /// As all balancers compute it, of who serves.
    Owners table() {
        std::vector<DesiredBackend> backends;
        for (int i = 0; i < kBackends; ++i) {
            Condition condition;
            condition.availability = serves_[static_cast<std::size_t>(i)] ? maglev::kFull : 0;
            backends.push_back(
                {{*IpAddress::parse(fmt::format("10.0.0.{}", i + 1)), 100}, condition, {}, {}});
        }
        const auto serving = serving_table_of(backends, kSlots);
        Owners owners;
        for (const auto owner : serving.owners()) {
            const auto& address = serving.base().members()[owner].address;
            owners.push_back(static_cast<HopNumber>(address.bytes()[15]));
        }
        return owners;
    }

    /// Somebody begins or ceases to serve; nobody's flows are given up.
    void change() {
        const auto who = draw(kBackends);
        const auto serving = std::ranges::count(serves_, true);
        if (serves_[who] && serving < 6)
            return;
        serves_[who] = !serves_[who];
        const auto next = table();
        for (auto& balancer : balancers_)
            balancer->due.emplace_back(now_ + std::chrono::seconds(1 + draw(4)), next);
    }

    void reboot(Balancer& balancer) {
        const auto owners = balancer.owners;
        std::vector<SlotPast> known;
        for (std::uint32_t slot = 0; slot < kSlots; ++slot)
            known.push_back(balancer.history->past(slot));
        balancer.forget(now_);
        balancer.become(owners, now_);
        for (std::uint32_t slot = 0; slot < kSlots && rules_.recall; ++slot)
            balancer.history->merge(slot, known[slot], now_);
    }

    void exchange() {
        for (auto& to : balancers_) {
            for (auto& from : balancers_) {
                for (std::uint32_t slot = 0; slot < kSlots && from != to; ++slot)
                    to->history->merge(slot, from->history->past(slot), now_);
            }
        }
    }

    Flow begin_flow() {
        const auto slot = static_cast<std::uint32_t>(draw(kSlots));
        return {slot, balancers_[draw(kBalancers)]->owners[slot]};
    }

    /// Each flow by any balancer: routers spread them anew all the time.
    void send() {
        for (auto& flow : flows_) {
            if (draw(200) == 0)
                flow = begin_flow();
            if (balancers_[draw(kBalancers)]->leads_to(flow.slot, flow.backend))
                continue;
            ++misplaced_;
            flow = begin_flow();
        }
    }

    Rules rules_;
    std::mt19937 random_;
    std::vector<bool> serves_;
    std::vector<std::unique_ptr<Balancer>> balancers_;
    std::vector<Flow> flows_;
    TimePoint now_ = kStart;
    int misplaced_ = 0;
};

int misplaced(const Fleet::Rules& rules) {
    int sum = 0;
    for (unsigned seed = 1; seed <= 4; ++seed)
        sum += Fleet(rules, seed).run();
    return sum;
}
}  // namespace

TEST_CASE("a fleet whose balancers tell each other misplaces next to nothing, and each rule is needed") {
    const int with_all = misplaced({});
    const int alone = misplaced({.exchange = false});
    const int forgetful = misplaced({.exchange = false, .recall = false});
    const int short_lists = misplaced({.max_hops = 2});
    INFO(with_all << " with all rules, " << alone << " without exchange, " << forgetful
                  << " without what was known before a reboot, " << short_lists << " with two hops");
    CHECK(with_all < kFlows * 4 / 1000);
    CHECK(alone > 10 * with_all);
    CHECK(forgetful > 2 * alone);
    CHECK(short_lists > 10 * with_all);
}
