// SPDX-License-Identifier: Apache-2.0
#include "api/connection_slots.hpp"

#include <algorithm>

namespace guideway::api {

ConnectionSlots::Admission ConnectionSlots::admit(const std::string& client, Time now) {
    Admission admission;
    const bool client_is_full = count(client) >= limits_.per_client;
    if (client_is_full || connections_.size() >= limits_.in_all) {
        admission.gives_way = longest_waiting(client_is_full ? &client : nullptr);
        if (!admission.gives_way)
            return admission;
        connections_.erase(*admission.gives_way);
    }
    admission.admitted = ++last_;
    connections_[last_] = {client, now};
    return admission;
}

void ConnectionSlots::waits(Id connection, Time now) {
    if (const auto found = connections_.find(connection); found != connections_.end())
        found->second.waiting_since = now;
}

void ConnectionSlots::works(Id connection) {
    if (const auto found = connections_.find(connection); found != connections_.end())
        found->second.waiting_since.reset();
}

void ConnectionSlots::leave(Id connection) {
    connections_.erase(connection);
}

std::size_t ConnectionSlots::count(const std::string& client) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        connections_, [&](const auto& connection) { return connection.second.client == client; }));
}

std::optional<ConnectionSlots::Id> ConnectionSlots::longest_waiting(const std::string* client) const {
    std::optional<Id> longest;
    for (const auto& [id, connection] : connections_) {
        if ((client != nullptr && connection.client != *client) || !connection.waiting_since)
            continue;
        if (!longest || *connection.waiting_since < *connections_.at(*longest).waiting_since)
            longest = id;
    }
    return longest;
}

}  // namespace guideway::api
