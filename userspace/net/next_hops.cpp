// SPDX-License-Identifier: Apache-2.0
#include "net/next_hops.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

namespace guideway::net {

namespace asio = boost::asio;

namespace {
/// A wait is cancelled only when its object goes, which the coroutines learn from `alive`.
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);

/// After so many announcements other work of the loop gets its turn.
constexpr int kAnnouncementsPerTurn = 2048;

/// A route reaches the table through rules and next-hop objects as well; IPv4 routes of an interface that
/// goes down vanish without an announcement of their own.
constexpr std::array kGroups{RTNLGRP_NEIGH,       RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR,
                             RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                             RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,  RTNLGRP_NEXTHOP};

bool is_unresolved(NeighbourState state) {
    return state == NeighbourState::kAbsent || state == NeighbourState::kResolving ||
           state == NeighbourState::kFailed;
}

bool is_stale(NeighbourState state) {
    return state == NeighbourState::kStale;
}

/// Whatever ends a coroutine early ends the loop.
void rethrow(std::exception_ptr error) {
    if (error)
        std::rethrow_exception(error);
}
}  // namespace

NextHop next_hop_on(const Path& path, const MacAddress& mac) {
    return {.ifindex = path.neighbour.ifindex,
            .port = path.port,
            .mac = mac,
            .source_mac = path.source_mac,
            .source = path.source,
            .mtu = path.mtu};
}

NextHops::NextHops(asio::io_context& loop, Netlink requests, Netlink announcements,
                   std::function<void()> on_change, NextHopPace pace)
    : requests_(std::move(requests)),
      announcements_(std::move(announcements)),
      readable_(loop),
      settle_timer_(loop),
      unresolved_timer_(loop),
      stale_timer_(loop),
      on_change_(std::move(on_change)),
      pace_(pace) {}

Result<std::unique_ptr<NextHops>> NextHops::create(asio::io_context& loop, std::function<void()> on_change,
                                                   NextHopPace pace) {
    auto requests = Netlink::open();
    if (!requests)
        return std::unexpected(requests.error());
    auto announcements = Netlink::subscribe(kGroups);
    if (!announcements)
        return std::unexpected(announcements.error());
    std::unique_ptr<NextHops> self(
        new NextHops(loop, *std::move(requests), *std::move(announcements), std::move(on_change), pace));
    boost::system::error_code error;
    self->readable_.assign(self->announcements_.fd(), error);
    if (error)
        return fail("watch a netlink socket: {}", error.message());

    const std::weak_ptr<void> alive = self->alive_;
    co_spawn(loop, self->watch(alive), rethrow);
    co_spawn(loop, self->keep_soliciting(self->unresolved_timer_, pace.unresolved, is_unresolved, alive),
             rethrow);
    co_spawn(loop, self->keep_soliciting(self->stale_timer_, pace.stale, is_stale, alive), rethrow);
    return self;
}

void NextHops::follow(std::span<const IpAddress> backends) {
    PathFinder finder(requests_);
    auto known = std::exchange(backends_, {});
    for (const IpAddress& address : backends) {
        if (auto node = known.extract(address))
            backends_.insert(std::move(node));
        else if (!backends_.contains(address))
            backends_.emplace(address, Backend{finder.path_to(address), {}});
    }
    index_neighbours(LookUp::kNew);
    for (auto& [address, backend] : backends_)
        backend.resolution = resolution_of(address, backend);
}

asio::awaitable<void> NextHops::watch(std::weak_ptr<void> alive) {
    while (!alive.expired()) {
        co_await readable_.async_wait(asio::posix::descriptor_base::wait_read, kAnyOutcome);
        if (alive.expired())
            co_return;
        take_announcements();
        if (outdated_) {
            settle_timer_.expires_after(pace_.settle);
            co_await settle_timer_.async_wait(kAnyOutcome);
            // What was announced earlier must not be taken for newer than what is looked up now.
            while (!alive.expired() && !take_announcements())
                co_await asio::post(asio::use_awaitable);
            if (alive.expired())
                co_return;
            if (outdated_)
                look_up_paths();
        }
        report_change();
    }
}

asio::awaitable<void> NextHops::keep_soliciting(asio::steady_timer& timer, std::chrono::milliseconds interval,
                                                Due due, std::weak_ptr<void> alive) {
    while (!alive.expired()) {
        timer.expires_after(interval);
        co_await timer.async_wait(kAnyOutcome);
        if (alive.expired())
            co_return;
        refresh_all(due);
        report_change();
    }
}

bool NextHops::take_announcements() {
    for (int count = 0; count < kAnnouncementsPerTurn; ++count) {
        const auto received = announcements_.receive([this](const nlmsghdr& message) { take(message); });
        if (!received)
            outdated_ = true;
        else if (!*received)
            return true;
    }
    return false;
}

void NextHops::take(const nlmsghdr& message) {
    switch (message.nlmsg_type) {
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            if (const auto announcement = neighbour_in(message))
                take_neighbour(*announcement);
            break;
        case RTM_GETNEIGH:  // a question to resolvers outside the kernel
            break;
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            outdated_ |= concerns_backends(destinations_of(message));
            break;
        default:
            outdated_ = true;
    }
}

void NextHops::take_neighbour(const NeighbourAnnouncement& announcement) {
    const auto found = neighbours_.find(announcement.id);
    if (found == neighbours_.end())
        return;
    auto& [id, neighbour] = *found;
    // An entry that an operator deletes is announced as failed first: only its absence tells the difference.
    if (announcement.neighbour.state == NeighbourState::kFailed && neighbour.mac)
        refresh(id, neighbour, is_unresolved);
    else
        note(id, announcement.neighbour, neighbour);
}

bool NextHops::concerns_backends(const AddressRange& destinations) const {
    const auto first = backends_.lower_bound(destinations.first);
    return first != backends_.end() && first->first <= destinations.last;
}

void NextHops::look_up_paths() {
    outdated_ = false;
    PathFinder finder(requests_);
    for (auto& [address, backend] : backends_) {
        auto path = finder.path_to(address);
        changed_ =
            changed_ || path != backend.path;  // a backend with a configured MAC needs no more than that
        backend.path = std::move(path);
    }
    index_neighbours(LookUp::kAll);
    for (auto& [address, backend] : backends_)
        resolve(address, backend);
}

void NextHops::index_neighbours(LookUp which) {
    auto known = std::exchange(neighbours_, {});
    for (const auto& [address, backend] : backends_) {
        if (!backend.path)
            continue;
        const NeighbourId& id = backend.path->neighbour;
        const auto [place, first] = neighbours_.try_emplace(id);
        Followed& neighbour = place->second;
        if (first) {
            const auto old = known.find(id);
            if (old != known.end()) {
                neighbour = std::move(old->second);
                neighbour.backends.clear();
            }
            if (old == known.end() || which == LookUp::kAll)
                refresh(id, neighbour, is_unresolved);
        }
        neighbour.backends.push_back(address);
    }
}

void NextHops::refresh(const NeighbourId& id, Followed& neighbour, Due due) {
    const auto seen = look_up(requests_, id);
    if (seen)
        note(id, *seen, neighbour);
    if (!due(neighbour.state))
        return;
    if (const auto solicited = solicit(requests_, id); !solicited)
        update(neighbour, neighbour.mac,
               {fmt::format("cannot be resolved: {}", solicited.error().cause), false});
}

void NextHops::refresh_all(Due due) {
    for (auto& [id, neighbour] : neighbours_)
        if (due(neighbour.state))
            refresh(id, neighbour, due);
}

void NextHops::note(const NeighbourId& id, const Neighbour& seen, Followed& neighbour) {
    neighbour.state = seen.state;
    if (seen.mac)
        update(neighbour, seen.mac, {});
    else if (seen.state == NeighbourState::kFailed)
        update(neighbour, std::nullopt,
               {fmt::format("does not answer {}", id.address.is_v4() ? "ARP" : "neighbour discovery"), true});
}

void NextHops::update(Followed& neighbour, const std::optional<MacAddress>& mac, const Trouble& trouble) {
    if (neighbour.mac == mac && neighbour.trouble == trouble)
        return;
    neighbour.mac = mac;
    neighbour.trouble = trouble;
    for (const IpAddress& address : neighbour.backends)
        resolve(address, backends_.at(address));
}

Resolution NextHops::resolution_of(const IpAddress& address, const Backend& backend) const {
    if (!backend.path)
        return std::unexpected(backend.path.error());
    const Path& path = *backend.path;
    const Followed& neighbour = neighbours_.at(path.neighbour);
    if (neighbour.mac)
        return next_hop_on(path, *neighbour.mac);
    const Trouble& trouble = neighbour.trouble;
    const std::string name = fmt::format("{} on {}", path.neighbour.address.text(), path.interface);
    if (trouble.text.empty())
        return std::unexpected(NoNextHop{"resolving " + name});
    const auto silence =
        path.neighbour.address == address ? NoNextHop::Cause::kSilent : NoNextHop::Cause::kGatewaySilent;
    return std::unexpected(
        NoNextHop{name + " " + trouble.text, trouble.is_silence ? silence : NoNextHop::Cause::kHost});
}

void NextHops::resolve(const IpAddress& address, Backend& backend) {
    Resolution resolution = resolution_of(address, backend);
    if (resolution == backend.resolution)
        return;
    backend.resolution = std::move(resolution);
    changed_ = true;
}

void NextHops::catch_up() {
    take_announcements();
    if (outdated_)
        look_up_paths();
    report_change();
}

void NextHops::report_change() {
    if (std::exchange(changed_, false))
        on_change_();
}

}  // namespace guideway::net
