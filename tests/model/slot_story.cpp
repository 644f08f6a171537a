// SPDX-License-Identifier: Apache-2.0
#include "model/slot_story.hpp"

#include <fmt/format.h>

namespace guideway::test {

namespace {
constexpr int kSteps = 900;
constexpr int kTuples = 12;
constexpr int kOpenAtMost = 6;
constexpr int kClosedFor = 4;

class Story {
  public:
    Story(std::uint32_t seed, SlotModel& model, const SlotListener& listener)
        : random_(seed), model_(model), listener_(listener) {}

    std::vector<std::string> tell() {
        for (now_ = 1; now_ <= kSteps; ++now_) {
            model_.set_time(now_);
            model_.sweep();
            if (listener_.sweep)
                listener_.sweep(now_);
            something_changes();
            something_opens();
            flows_send();
        }
        return misplaced_;
    }

  private:
    struct Flow {
        bool open = false;
        int backend = 0;
        int last = 0;
        bool bereft = false;  ///< its backend has been dead since it sent last
    };

    double chance() { return std::uniform_real_distribution<>(0, 1)(random_); }
    int pick(const std::vector<int>& from) { return from[random_() % from.size()]; }

    std::vector<int> living(int but = 0) const {
        std::vector<int> backends;
        for (const int backend : {1, 2, 3}) {
            if (model_.alive(backend) && backend != but)
                backends.push_back(backend);
        }
        return backends;
    }

    void move(int backend) {
        model_.move(backend);
        if (listener_.move)
            listener_.move(backend);
    }

    /// An owner that dies by hand takes its flows along; one that failed its checks has lost its slots
    /// before, and those of its flows that are silent are there when it comes back.
    void die(int backend) {
        const bool by_hand = model_.owner() == backend && chance() < .5;
        if (model_.owner() == backend && !by_hand)
            move(pick(living(backend)));
        model_.die(backend);
        if (listener_.die)
            listener_.die(backend);
        for (auto& [tuple, flow] : flows_) {
            if (flow.backend != backend)
                continue;
            flow.open = flow.open && !by_hand;
            flow.bereft = true;
        }
        if (by_hand)
            move(pick(living()));
    }

    void something_changes() {
        const double what = chance();
        if (what < .05) {
            move(pick(living()));
        } else if (what < .07 && living().size() > 1) {
            die(pick(living()));
        } else if (what < .10) {
            const int backend = pick({1, 2, 3});
            model_.come_back(backend);
            if (listener_.come_back)
                listener_.come_back(backend);
        }
    }

    void something_opens() {
        int open = 0;
        for (const auto& [tuple, flow] : flows_)
            open += flow.open;
        if (open >= kOpenAtMost || chance() >= .3)
            return;
        std::vector<int> free;
        for (int tuple = 0; tuple < kTuples; ++tuple) {
            const auto flow = flows_.find(tuple);
            if (flow == flows_.end() || (!flow->second.open && now_ - flow->second.last > kClosedFor))
                free.push_back(tuple);
        }
        if (free.empty())
            return;
        const int tuple = pick(free);
        flows_[tuple] = {.open = true, .backend = send(tuple, true), .last = now_, .bereft = false};
    }

    int send(int tuple, bool starts) {
        const int backend = model_.packet(tuple, starts);
        if (listener_.packet)
            listener_.packet(tuple, starts, backend);
        return backend;
    }

    void flows_send() {
        for (auto& [tuple, flow] : flows_) {
            if (flow.open && (chance() < .08 || now_ - flow.last >= SlotModel::kIdleTimeout - 2)) {
                const int backend = send(tuple, false);
                const bool forgiven = flow.bereft && model_.was_short_of_room();
                flow.last = now_;
                flow.bereft = false;
                if (!model_.alive(flow.backend) || (backend != flow.backend && forgiven)) {
                    flow.open = false;
                } else if (backend != flow.backend) {
                    misplaced_.push_back(fmt::format("at {} flow {} of backend {} went to {}", now_, tuple,
                                                     flow.backend, backend));
                    flow.open = false;
                }
            }
            if (flow.open && chance() < .01) {
                flow.open = false;
                flow.last = now_;
            }
        }
    }

    std::mt19937 random_;
    SlotModel& model_;
    const SlotListener& listener_;
    int now_ = 0;
    std::map<int, Flow> flows_;
    std::vector<std::string> misplaced_;
};
}  // namespace

std::vector<std::string> tell_slot_story(std::uint32_t seed, SlotModel& model, const SlotListener& listener) {
    return Story(seed, model, listener).tell();
}

}  // namespace guideway::test
