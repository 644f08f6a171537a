// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/neighbour.hpp"
#include "net/netlink.hpp"
#include "net/path.hpp"
#include "net/route.hpp"
#include "util/ip_address.hpp"
#include "util/mac_address.hpp"
#include "util/result.hpp"

namespace guideway::net {

/// What an outer frame to a backend carries, and where it leaves.
struct NextHop {
    int ifindex = 0;        ///< of the interface that routes name
    Port port;              ///< where frames leave: that interface, or what is below it if it is a VLAN's
    MacAddress mac;         ///< Ethernet destination
    MacAddress source_mac;  ///< the interface's own
    IpAddress source;       ///< the outer header's source: the route's preferred one
    std::uint32_t mtu = 0;  ///< bytes of an IP packet: the lower of the interface's and the route's
    std::uint8_t source_bits = 0;  ///< host bits of `source` that vary with the flow
    bool local = false;            ///< the backend is this host; nothing else is known then

    bool operator==(const NextHop&) const = default;
};

[[nodiscard]] NextHop next_hop_on(const Path& path, const MacAddress& mac);

using Resolution = std::expected<NextHop, NoNextHop>;

/// How patiently next hops are followed.
struct NextHopPace {
    std::chrono::milliseconds unresolved{1000};  ///< between solicitations of a neighbour without a MAC
    std::chrono::milliseconds stale{10'000};     ///< between solicitations of one whose MAC is stale
    std::chrono::milliseconds settle{20};        ///< routes that change together are looked up once
};

/// Keeps the next hop of every backend, as the kernel's routes, interfaces and neighbours have it. XDP sends
/// without the kernel's knowledge, so the kernel would neither resolve these neighbours nor keep them fresh:
/// this class asks it to. Lives and is used on the loop's thread; the loop outlives it.
class NextHops {
  public:
    /// `on_change` is called from the loop, once for all the resolutions and paths that a batch of events
    /// changed.
    [[nodiscard]] static Result<std::unique_ptr<NextHops>> create(boost::asio::io_context& loop,
                                                                  std::function<void()> on_change,
                                                                  NextHopPace pace = {});

    /// Replaces the set of backends. New ones are looked up at once (without `on_change`); a neighbour that
    /// the kernel does not know is solicited, and its resolution follows.
    void follow(std::span<const IpAddress> backends);

    /// The backend must be among those followed. Valid until the next call of follow() or turn of the loop.
    [[nodiscard]] const Resolution& at(const IpAddress& backend) const {
        return backends_.at(backend).resolution;
    }

    /// The way to one of the backends without its neighbour's MAC, for one whose MAC is configured.
    [[nodiscard]] const std::expected<Path, NoNextHop>& path_at(const IpAddress& backend) const {
        return backends_.at(backend).path;
    }

    /// Takes what the kernel has announced so far, for who must not act on what has changed already.
    /// `on_change` may be called.
    void catch_up();

    /// Gives the socket's descriptor back to its owner.
    ~NextHops() { readable_.release(); }
    NextHops(const NextHops&) = delete;
    NextHops& operator=(const NextHops&) = delete;

  private:
    struct Backend {
        std::expected<Path, NoNextHop> path;
        Resolution resolution;
    };

    /// What is known about a neighbour other than that its MAC is awaited.
    struct Trouble {
        std::string text;
        bool is_silence = false;  ///< it does not answer; otherwise it could not be asked

        bool operator==(const Trouble&) const = default;
    };

    /// A neighbour that backends are reached through.
    struct Followed {
        NeighbourState state = NeighbourState::kAbsent;
        std::optional<MacAddress> mac;  ///< kept while the entry is absent or being resolved anew
        Trouble trouble;
        std::vector<IpAddress> backends;
    };
    using Due = bool (*)(NeighbourState);
    enum class LookUp { kNew, kAll };

    NextHops(boost::asio::io_context& loop, Netlink requests, Netlink announcements,
             std::function<void()> on_change, NextHopPace pace);

    [[nodiscard]] boost::asio::awaitable<void> watch(std::weak_ptr<void> alive);
    [[nodiscard]] boost::asio::awaitable<void> keep_soliciting(boost::asio::steady_timer& timer,
                                                               std::chrono::milliseconds interval, Due due,
                                                               std::weak_ptr<void> alive);

    /// Returns false if more is waiting.
    bool take_announcements();
    void take(const nlmsghdr& message);
    void take_neighbour(const NeighbourAnnouncement& announcement);
    [[nodiscard]] bool concerns_backends(const AddressRange& destinations) const;

    void look_up_paths();
    void index_neighbours(LookUp which);
    /// Looks the neighbour up, and solicits it if its state is `due`.
    void refresh(const NeighbourId& id, Followed& neighbour, Due due);
    void refresh_all(Due due);
    void note(const NeighbourId& id, const Neighbour& seen, Followed& neighbour);
    void update(Followed& neighbour, const std::optional<MacAddress>& mac, const Trouble& trouble);

    [[nodiscard]] Resolution resolution_of(const IpAddress& address, const Backend& backend) const;
    void resolve(const IpAddress& address, Backend& backend);
    void report_change();

    Netlink requests_;
    Netlink announcements_;
    boost::asio::posix::stream_descriptor readable_;
    boost::asio::steady_timer settle_timer_;
    boost::asio::steady_timer unresolved_timer_;
    boost::asio::steady_timer stale_timer_;
    std::function<void()> on_change_;
    NextHopPace pace_;

    std::map<IpAddress, Backend> backends_;
    std::unordered_map<NeighbourId, Followed> neighbours_;
    bool outdated_ = false;  ///< paths may have changed
    bool changed_ = false;   ///< resolutions have changed since the last report
    /// Coroutines resume once more after this object is gone, and then find this expired.
    std::shared_ptr<void> alive_ = std::make_shared<char>();
};

}  // namespace guideway::net
