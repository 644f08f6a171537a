// SPDX-License-Identifier: Apache-2.0
#include "control/client_filter.hpp"

#include <algorithm>
#include <array>
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

std::set<Mapped> mapped(const std::vector<config::Prefix>& prefixes) {
    std::set<Mapped> all;
    for (const auto& prefix : prefixes)
        all.insert(mapped(prefix));
    return all;
}

/// What the lists say of a prefix, or of all that it holds: by family, IPv4 first. An IPv6 prefix that holds
/// all of IPv4 says nothing of IPv4.
struct Listed {
    Mapped prefix;
    std::array<bool, 2> allowed{};
    std::array<bool, 2> denied{};
};
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
    std::set<Mapped> all = allowed;
    all.insert(denied.begin(), denied.end());
    // What holds a whole family; all IPv4 addresses lie inside that of IPv6.
    const Mapped all_v4{*IpAddress::parse("0.0.0.0"), kMappedBits};
    if (limits_v4 || limits_v6)
        all.insert({{}, 0});
    all.insert(all_v4);

    std::vector<datapath::ClientPrefix> prefixes;
    std::vector<Listed> enclosing;  // each holds the next; what holds another one comes before it
    for (const auto& prefix : all) {
        while (!enclosing.empty() && !enclosing.back().prefix.holds(prefix))
            enclosing.pop_back();
        Listed listed = enclosing.empty() ? Listed{} : enclosing.back();
        listed.prefix = prefix;
        const std::size_t family = prefix.is_v4() ? 0 : 1;
        listed.allowed[family] |= allowed.contains(prefix);
        listed.denied[family] |= denied.contains(prefix);
        const bool limited = prefix.is_v4() ? limits_v4 : limits_v6;
        prefixes.push_back({prefix.address, prefix.length,
                            !listed.denied[family] && (!limited || listed.allowed[family]),
                            listed.denied[family]});
        enclosing.push_back(listed);
    }
    return prefixes;
}

}  // namespace guideway::control
