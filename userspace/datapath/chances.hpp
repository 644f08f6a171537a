// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "datapath/mapped_array.hpp"
#include "util/abi.hpp"
#include "util/unique_fd.hpp"

namespace guideway::datapath {

/// The number of an address that packets may name as a hop; 0 = none.
using HopNumber = std::uint16_t;

/// The maps by which packets name former owners of their slots (guideway/chance.h). They are not pinned: an
/// agent fills those of its own program.
class Chances {
  public:
    /// Of a loaded program, by its descriptors, which it takes.
    [[nodiscard]] static Result<Chances> open(UniqueFd chances, UniqueFd hops);

    /// Has packets of a service read lists of hops, an empty one for each slot at first. Where they do
    /// already, nothing changes. Errors: `make the lists of hops of service 3: out of memory`.
    [[nodiscard]] Result<void> provide(std::uint16_t service, std::uint32_t table_size);
    /// By slot; empty if none were provided.
    [[nodiscard]] std::span<abi::chance_list> lists(std::uint16_t service) const;
    void withdraw(std::uint16_t service);

    /// The number that stands for an address from now on; 0 if all are in use.
    [[nodiscard]] HopNumber number_of(const IpAddress& address);
    [[nodiscard]] const IpAddress& address_of(HopNumber number) const { return addresses_.at(number); }

  private:
    struct Lists {
        UniqueFd map;
        MappedArray elements;
    };

    UniqueFd chances_;
    UniqueFd hops_fd_;
    MappedArray hops_;
    std::map<std::uint16_t, Lists> lists_;
    std::map<IpAddress, HopNumber> numbers_;
    std::vector<IpAddress> addresses_{1};  ///< by number
};

/// Stores a list while packets read: the second word first, as they check the first.
void store_list(abi::chance_list& place, const abi::chance_list& list);

}  // namespace guideway::datapath
