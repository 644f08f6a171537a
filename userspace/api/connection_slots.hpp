// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace guideway::api {

/// How many connections a server has at a time, and who gives way when there are more: no client can keep
/// others out, however many connections it opens and however little it says or reads on them. Pure.
class ConnectionSlots {
  public:
    using Id = std::uint64_t;
    using Time = std::chrono::steady_clock::time_point;

    struct Limits {
        std::size_t in_all = 128;
        std::size_t per_client = 32;
    };

    explicit ConnectionSlots(Limits limits) : limits_(limits) {}

    struct Admission {
        std::optional<Id> admitted;   ///< nothing: everybody who could give way is being worked for
        std::optional<Id> gives_way;  ///< is to be closed; it has no slot any more
    };

    /// A connection of that client. When the client has all its slots, the one of them that has not got on
    /// for longest gives way; when all slots are taken, the one of all.
    [[nodiscard]] Admission admit(const std::string& client, Time now);

    /// It has got on just now, and may give way.
    void waits(Id connection, Time now);
    /// From now on it does not give way.
    void works(Id connection);
    /// It is closed. Nothing happens if it gave way before.
    void leave(Id connection);

    [[nodiscard]] std::size_t size() const { return connections_.size(); }

  private:
    struct Connection {
        std::string client;
        std::optional<Time> waiting_since;
    };

    [[nodiscard]] std::size_t count(const std::string& client) const;
    /// Of that client's connections, or of all.
    [[nodiscard]] std::optional<Id> longest_waiting(const std::string* client) const;

    Limits limits_;
    Id last_ = 0;
    std::map<Id, Connection> connections_;
};

}  // namespace guideway::api
