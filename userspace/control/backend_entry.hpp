// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <optional>

#include "control/desired_state.hpp"
#include "net/next_hops.hpp"
#include "util/abi.hpp"

namespace guideway::control {

/// A backend's element of the map 'backends'.
[[nodiscard]] abi::backend backend_entry(const DesiredBackend& backend,
                                         const std::optional<net::NextHop>& next_hop);

/// Gives an entry its way.
void set_next_hop(abi::backend& entry, const net::NextHop& next_hop);

/// Lets the outer source vary inside a prefix, if that is of the source's family.
void vary_source(net::NextHop& next_hop, const std::optional<config::Prefix>& prefix);

/// Makes an element of a mapped map equal to `wanted`, word by word, while packets read it.
template <typename T>
void store_words(T& element, const T& wanted) {
    static_assert(sizeof(T) % sizeof(std::uint64_t) == 0);
    auto* target = reinterpret_cast<abi::abi_word*>(&element);
    const auto* source = reinterpret_cast<const abi::abi_word*>(&wanted);
    for (std::size_t i = 0; i < sizeof(T) / sizeof(std::uint64_t); ++i) {
        if (target[i] != source[i])
            __atomic_store_n(&target[i], source[i], __ATOMIC_RELEASE);
    }
}

/// The same for a backend: the word with its flags comes last, so that a flag speaks for what is stored
/// already. Where the source or the tags change, which lie in several words, packets find no next hop
/// meanwhile, and one that has read some of them notices by the version in the flags.
void store_backend(abi::backend& element, const abi::backend& wanted);

}  // namespace guideway::control
