// SPDX-License-Identifier: Apache-2.0
#include "datapath/flow_records.hpp"

#include <bpf/bpf.h>

namespace guideway::datapath {

namespace {
constexpr std::size_t kBatch = 4096;
}  // namespace

FlowScan::FlowScan(const Maps& maps) : map_fd_(maps.fds().flows.get()), ids_(kBatch), records_(kBatch) {}

Result<std::span<const FlowEntry>> FlowScan::next() {
    for (;;) {
        std::uint32_t following = 0;
        auto count = static_cast<std::uint32_t>(ids_.size());
        const int failed = bpf_map_lookup_batch(map_fd_, begun_ ? &position_ : nullptr, &following,
                                                ids_.data(), records_.data(), &count, nullptr);
        const int error = failed != 0 ? errno : 0;
        if (error == ENOSPC) {  // a bucket of the hash holds more than was offered room for
            ids_.resize(ids_.size() * 2);
            records_.resize(ids_.size());
            continue;
        }
        if (error != 0 && error != ENOENT)
            return fail("read map 'flows': {}", errno_text(error));
        done_ = error == ENOENT;
        begun_ = true;
        position_ = following;
        entries_.clear();
        for (std::size_t i = 0; i < count; ++i)
            entries_.push_back({ids_[i], records_[i]});
        return entries_;
    }
}

Result<void> delete_flow_records(const Maps& maps, std::vector<abi::flow_id> ids) {
    std::size_t deleted = 0;
    while (deleted < ids.size()) {
        auto count = static_cast<std::uint32_t>(ids.size() - deleted);
        const int failed =
            bpf_map_delete_batch(maps.fds().flows.get(), ids.data() + deleted, &count, nullptr);
        if (failed != 0 && errno != ENOENT)
            return fail("delete from map 'flows': {}", errno_text());
        deleted += count + (failed != 0 ? 1 : 0);
    }
    return {};
}

}  // namespace guideway::datapath
