// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/executors.hpp"
#include "agent/history_document.hpp"
#include "agent/running_config.hpp"
#include "api/http_client.hpp"
#include "control/reconciler.hpp"
#include "control/renames.hpp"
#include "util/complaint.hpp"

namespace guideway::agent {

/// Exchanges with the other balancers who owned which slots, and keeps it on disk (`history.json` in
/// state_dir), for services whose packets name former owners: a balancer that has started anew, or noticed a
/// change at another moment, names whom the others name. Nothing about traffic waits for a peer.
class Exchanging {
  public:
    /// `on_merged`: slots may have begun to move.
    Exchanging(Executors& executors, const RunningConfig& running, control::Reconciler& reconciler,
               const datapath::Maps& maps, std::function<void()> on_merged);

    /// Reads what is on disk, and asks the peers, who have two seconds for that. Before the tables change.
    void ask_first();
    /// Takes that over, of services that have other names now, too. Before packets come.
    void begin(const control::Renames& renames);

    /// Each second: asks peers for what has changed, and writes what changed here.
    [[nodiscard]] boost::asio::awaitable<void> keep_exchanging();

    /// What changed after that revision of this instance; of another one, everything.
    [[nodiscard]] std::string tell(const std::string& instance, std::uint32_t revision);

    /// When the loop runs no more, and no file is being written.
    void end();
    /// No thread asks any more, and then: no coroutine is left that would.
    void stop() {
        asking_.stop();
        asking_.join();
    }
    void discard() { asking_.discard(); }

  private:
    /// What is known of a peer: what to ask for next, and who owned its slots when it last spoke.
    struct Peer {
        std::string instance;
        std::uint32_t revision = 0;
        std::map<std::string, std::vector<datapath::HopNumber>> owners;  ///< by service and slot
        bool speaks = true;
    };

    [[nodiscard]] bool is_this_balancer(const config::Endpoint& peer) const;
    [[nodiscard]] std::vector<api::Get> questions() const;
    using Asked = std::set<std::tuple<std::string, std::uint32_t, bool>>;
    [[nodiscard]] std::optional<History> read_file_of_ours() const;
    [[nodiscard]] Asked what_is_remembered();
    void ask_anew_if_changed();
    [[nodiscard]] std::size_t changed_since(std::uint32_t revision);
    void take(const std::string& from, const Result<History>& history);
    void merge(const History& history, std::chrono::milliseconds aged, Peer* peer);
    static void note_owner(std::vector<datapath::HopNumber>& owners, const std::vector<std::uint32_t>& slots,
                           datapath::HopNumber owner, std::uint32_t table_size);
    void renew_present_owners();
    void forget_former_peers(const std::vector<api::Get>& present);
    [[nodiscard]] History history_since(std::uint32_t revision);
    [[nodiscard]] boost::asio::awaitable<void> write();
    [[nodiscard]] std::string file() const;

    Executors& executors_;
    const RunningConfig& running_;
    control::Reconciler& reconciler_;
    const datapath::Maps& maps_;
    std::function<void()> on_merged_;
    Pool asking_{1};  ///< for peers that do not answer
    std::string instance_;
    std::uint32_t written_ = 0;                                           ///< the revision on disk
    std::map<std::string, Peer> peers_;                                   ///< by `ADDRESS:PORT`
    Asked asked_for_;                                                     ///< of the peers
    std::optional<History> on_disk_;                                      ///< until begin()
    std::vector<std::pair<std::string, Result<History>>> first_answers_;  ///< until begin()
    std::string everything_;                                              ///< as it was told last
    control::TimePoint everything_made_;
    Complaint file_trouble_;
};

}  // namespace guideway::agent
