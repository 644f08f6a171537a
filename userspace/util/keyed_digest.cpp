// SPDX-License-Identifier: Apache-2.0
#include "util/keyed_digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace guideway {

std::array<std::uint8_t, 16> keyed_digest(std::span<const std::uint8_t> key, std::string_view text) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> whole{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), whole.data(), &size);
    std::array<std::uint8_t, 16> half;
    std::copy_n(whole.begin(), half.size(), half.begin());
    return half;
}

}  // namespace guideway
