// SPDX-License-Identifier: Apache-2.0
#include "datapath/hash_key_id.hpp"

#include <cstring>

#include "util/keyed_digest.hpp"

namespace guideway::datapath {

HashKeyId hash_key_id(const config::HashKey& key) {
    const auto digest = keyed_digest(key, "guideway hash key");
    HashKeyId id{};
    std::memcpy(id.data(), digest.data(), sizeof(id));
    return id;
}

}  // namespace guideway::datapath
