// SPDX-License-Identifier: Apache-2.0
#include "datapath/fragment_records.hpp"

#include <bpf/bpf.h>

#include <vector>

namespace guideway::datapath {

Result<void> delete_fragment_records(
    const Maps& maps, const std::function<bool(std::uint16_t service, std::uint16_t backend)>& is_of) {
    const int map = maps.fds().fragments.get();
    std::vector<abi::fragment_id> ids(abi::FRAGMENTS_MAX), wanted;
    std::vector<abi::fragment_record> records(ids.size());
    std::uint32_t position = 0, following = 0;
    for (bool begun = false, done = false; !done; begun = true) {
        auto count = static_cast<std::uint32_t>(ids.size());
        const int failed = bpf_map_lookup_batch(map, begun ? &position : nullptr, &following, ids.data(),
                                                records.data(), &count, nullptr);
        if (failed != 0 && errno != ENOENT)
            return fail("read map 'fragments': {}", errno_text());
        done = failed != 0;
        position = following;
        for (std::uint32_t i = 0; i < count; ++i) {
            if (is_of(records[i].service, records[i].backend))
                wanted.push_back(ids[i]);
        }
    }
    for (const auto& id : wanted) {
        if (bpf_map_delete_elem(map, &id) != 0 && errno != ENOENT)
            return fail("delete from map 'fragments': {}", errno_text());
    }
    return {};
}

}  // namespace guideway::datapath
