// SPDX-License-Identifier: Apache-2.0
#include "control/client_filter.hpp"

#include <algorithm>
#include <set>

namespace guideway::control {

namespace {
constexpr std::uint8_t kMappedBits = abi::CLIENT_PREFIX_MAPPED_BITS;

/// A prefix of IPv6 and v4-mapped addresses.
struct Mapped {
    IpAddress address;
    std::uint8_t length = 0;

    auto operator<=>(const Mapped&) const = default;

    [[nodiscard]] bool is_v4() const { return length >= kMappedBits && address.is_v4(); }
    [[nodiscard]] bool holds(const Mapped& other) const {
        if (other.length < length)
            return false;
        const auto whole = length / 8U;
        const auto rest = static_cast<std::uint8_t>(0xff00U >> (length % 8U));
        const auto& mine = address.bytes();
        const auto& theirs = other.address.bytes();
        return std::equal(mine.begin(), mine.begin() + whole, theirs.begin()) &&
               (whole == mine.size() || ((mine[whole] ^ theirs[whole]) & rest) == 0);
    }
};

Mapped mapped(const config::Prefix& prefix) {
    const bool v4 = prefix.address.is_v4();
    return {prefix.address, static_cast<std::uint8_t>(prefix.length + (v4 ? kMappedBits : 0))};
}

std::vector<Mapped> mapped(const std::vector<config::Prefix>& prefixes) {
    std::vector<Mapped> all;
    for (const auto& prefix : prefixes)
        all.push_back(mapped(prefix));
    return all;
}

bool any_holds(const std::vector<Mapped>& prefixes, const Mapped& prefix) {
    return std::ranges::any_of(prefixes, [&](const Mapped& each) { return each.holds(prefix); });
}
}  // namespace

bool ClientFilter::is_open() const {
    return deny.empty() &&
           std::ranges::all_of(allow, [](const config::Prefix& prefix) { return prefix.length == 0; });
}

std::vector<datapath::ClientPrefix> prefixes_of(const ClientFilter& filter) {
    const auto allowed = mapped(filter.allow);
    const auto denied = mapped(filter.deny);
    const bool limits_v4 = std::ranges::any_of(allowed, &Mapped::is_v4);
    const bool limits_v6 = !std::ranges::all_of(allowed, &Mapped::is_v4);
    std::set<Mapped> all(allowed.begin(), allowed.end());
    all.insert(denied.begin(), denied.end());
    // What holds a whole family; all IPv4 addresses lie inside that of IPv6.
    const Mapped all_v4{*IpAddress::parse("0.0.0.0"), kMappedBits};
    if (limits_v4 || limits_v6)
        all.insert({{}, 0});
    all.insert(all_v4);

    std::vector<datapath::ClientPrefix> prefixes;
    for (const auto& prefix : all) {
        const bool limited = prefix.is_v4() ? limits_v4 : limits_v6;
        // An IPv6 prefix that holds all of IPv4 says nothing of IPv4: all_v4 does.
        const auto of_family = [&](const std::vector<Mapped>& list) {
            std::vector<Mapped> same;
            std::ranges::copy_if(list, std::back_inserter(same),
                                 [&](const Mapped& each) { return each.is_v4() == prefix.is_v4(); });
            return any_holds(same, prefix);
        };
        const bool is_denied = of_family(denied);
        prefixes.push_back(
            {prefix.address, prefix.length, !is_denied && (!limited || of_family(allowed)), is_denied});
    }
    return prefixes;
}

}  // namespace guideway::control
