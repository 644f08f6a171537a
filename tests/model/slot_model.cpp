// SPDX-License-Identifier: Apache-2.0
#include "model/slot_model.hpp"

#include <algorithm>
#include <utility>

namespace guideway::test {

bool SlotModel::record(int flow, int backend) {
    if (!records_.contains(flow) && records_.size() >= capacity_) {
        refused_ = short_of_room_ = true;
        return false;
    }
    records_[flow] = {backend, now_};
    return true;
}

int SlotModel::packet(int flow, bool starts) {
    if (!moving_)
        return owner_;
    const bool learning = previous_ != 0;
    const bool previous_alive = learning && alive_[previous_];
    const auto known = records_.find(flow);
    if (starts) {
        if (!learning) {
            if (has("forget-on-syn"))
                records_.erase(flow);
            return owner_;
        }
        if (record(flow, owner_))
            return owner_;
        return previous_alive && has("syn-to-previous") ? previous_ : owner_;
    }
    if (known != records_.end() && alive_[known->second.backend]) {
        known->second.last_seen = now_;
        return known->second.backend;
    }
    if (!learning)
        return owner_;
    const int backend = previous_alive ? previous_ : owner_;
    record(flow, backend);
    return backend;
}

void SlotModel::move(int backend) {
    if (backend == owner_)
        return;
    const bool learning = moving_ && previous_ != 0;
    if (!learning && alive_[owner_]) {
        previous_ = owner_;
        moving_ = true;
        learns_until_ = now_ + kIdleTimeout;
    }
    owner_ = backend;
}

void SlotModel::sweep() {
    const bool refused = std::exchange(refused_, false);
    if (refused && has("extend"))
        learns_until_ = std::max(learns_until_, now_ + kIdleTimeout);
    if (!moving_)
        return;
    if (refused && previous_ != 0 && !alive_[previous_] && has("make-room"))
        start_tracking();
    if (previous_ != 0 && now_ >= learns_until_)
        start_tracking();
    bool needed = false;
    for (auto each = records_.begin(); each != records_.end();) {
        const auto& [flow, record] = *each;
        const bool gives_way = !alive_[record.backend] && (refused || !has("void-is-not-lost"));
        const bool void_record = gives_way || now_ - record.last_seen > kIdleTimeout;
        const bool owners = previous_ == 0 && record.backend == owner_;
        needed = needed || !(void_record || owners);
        each = (void_record || owners) && has("purge") ? records_.erase(each) : std::next(each);
    }
    if (previous_ == 0 && now_ - tracking_since_ >= kGracePeriod && !needed)
        moving_ = false;
}

void SlotModel::start_tracking() {
    previous_ = 0;
    tracking_since_ = now_;
}

}  // namespace guideway::test
