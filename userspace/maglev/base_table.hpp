// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "maglev/claims.hpp"
#include "util/ip_address.hpp"

namespace guideway::maglev {

/// A backend of one service, as the table sees it. Its identity is the address's canonical text.
struct Member {
    IpAddress address;
    std::uint16_t weight = 0;  ///< 0: configured, but gets no slots

    bool operator==(const Member&) const = default;
};

inline constexpr std::size_t kMaxMembers = 32767;

/// The table of all members, health ignored (table format 1): a pure function of (identities, weights, size),
/// whatever the order of the members. Members claim slots in turn, each in the order of its own permutation
/// (Maglev, section 3.4); how many turns a member gets follows its weight. Without weight every slot is
/// nobody's.
class BaseTable {
  public:
    /// `size` is a prime of 251..1048573; at most kMaxMembers members, each identity once.
    [[nodiscard]] static BaseTable build(std::vector<Member> members, std::uint32_t size);

    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(claims_.owners.size()); }
    /// Sorted by the bytes of the identity; every index below is an index into this.
    [[nodiscard]] std::span<const Member> members() const { return members_; }
    /// For each slot the index of its owner, or kNobody.
    [[nodiscard]] std::span<const std::uint16_t> owners() const { return claims_.owners; }
    /// A member's slots in the order in which it claimed them: the slot at index r has rank r.
    [[nodiscard]] std::span<const std::uint32_t> slots_of(std::size_t member) const {
        const auto first = claims_.first_slot[member];
        return std::span(claims_.slots).subspan(first, claims_.first_slot[member + 1] - first);
    }
    /// XXH3_64 of the identity, seed 0.
    [[nodiscard]] std::uint64_t identity_hash(std::size_t member) const { return identity_hashes_[member]; }

  private:
    BaseTable() = default;

    std::vector<Member> members_;
    std::vector<std::uint64_t> identity_hashes_;
    Claims claims_;
};

}  // namespace guideway::maglev
