// SPDX-License-Identifier: Apache-2.0
#include "agent/exchanging.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "datapath/hash_key_id.hpp"
#include "net/local_address.hpp"
#include "util/file.hpp"

namespace guideway::agent {

namespace asio = boost::asio;
using control::SlotPast;
using control::SteadyClock;
using control::TimePoint;
using Milliseconds = std::chrono::milliseconds;

namespace {
constexpr std::chrono::seconds kInterval{1};
constexpr Milliseconds kAtStart{2000};
constexpr Milliseconds kEachTime{900};

/// Tells one run of an agent from another.
std::string random_instance() {
    std::uint64_t number = 0;
    static_cast<void>(::getrandom(&number, sizeof(number), 0));
    return fmt::format("{:016x}", number);
}

std::string fingerprint(const config::HashKey& key) {
    const auto id = datapath::hash_key_id(key);
    return fmt::format("{:016x}{:016x}", id[0], id[1]);
}

Milliseconds since(TimePoint then, TimePoint now) {
    return std::max(std::chrono::duration_cast<Milliseconds>(now - then), Milliseconds(0));
}

std::int64_t wall_clock() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<Milliseconds>(now).count();
}

/// Slots with the same past are told together.
ToldService told(const control::Reconciler::Remembered& remembered, const datapath::Chances& chances,
                 const std::vector<std::uint32_t>& slots, TimePoint now) {
    std::map<SlotPast, std::vector<std::uint32_t>> by_past;
    for (const std::uint32_t slot : slots)
        by_past[remembered.life->history().past(slot)].push_back(slot);
    ToldService service{.name = remembered.service->name,
                        .affinity_client = remembered.service->affinity_client,
                        .table_size = remembered.service->table_size,
                        .slots = {}};
    for (auto& [past, same] : by_past) {
        ToldSlots group{
            .owner = {}, .tenure = since(past.since, now), .former = {}, .slots = std::move(same)};
        if (past.owner != 0)
            group.owner = chances.address_of(past.owner);
        for (const auto& former : past.former)
            group.former.push_back({chances.address_of(former.hop), since(former.ended, now), former.tenure});
        service.slots.push_back(std::move(group));
    }
    return service;
}

Result<History> told_in(const Result<api::HttpReply>& reply) {
    if (!reply)
        return std::unexpected(reply.error());
    if (reply->status != 200)
        return fail("it answers {}", reply->status);
    return read_history(reply->body);
}

/// What the peers answer, in the order of the questions. Waits for them, and reads what may be long.
std::vector<Result<History>> ask(const std::vector<api::Get>& questions, Milliseconds within) {
    std::vector<Result<History>> answers;
    for (const auto& reply : api::get_all(questions, within))
        answers.push_back(told_in(reply));
    return answers;
}

SlotPast past_of(const ToldSlots& told, datapath::Chances& chances, TimePoint now) {
    SlotPast past{.owner = told.owner ? chances.number_of(*told.owner) : datapath::HopNumber{0},
                  .since = now - told.tenure,
                  .former = {}};
    for (const auto& former : told.former)
        past.former.push_back({chances.number_of(former.address), now - former.age, former.tenure});
    return past;
}
}  // namespace

Exchanging::Exchanging(Executors& executors, const RunningConfig& running, control::Reconciler& reconciler,
                       const datapath::Maps& maps, std::function<void()> on_merged)
    : executors_(executors),
      running_(running),
      reconciler_(reconciler),
      maps_(maps),
      on_merged_(std::move(on_merged)),
      instance_(random_instance()) {}

void Exchanging::ask_first() {
    const auto uses = [](const config::Service& service) {
        return service.tracking == config::Tracking::kSecondChance;
    };
    if (!std::ranges::any_of(running_.config.services, uses))
        return;
    on_disk_ = read_file_of_ours();
    const auto questions = this->questions();
    auto answers = ask(questions, kAtStart);
    for (std::size_t i = 0; i < answers.size(); ++i)
        first_answers_.emplace_back(questions[i].server.text(), std::move(answers[i]));
}

void Exchanging::begin(const control::Renames& renames) {
    if (on_disk_) {
        const auto present_names = control::inverse(renames);
        for (auto& service : on_disk_->services) {
            if (const auto renamed = present_names.find(service.name); renamed != present_names.end())
                service.name = renamed->second;
        }
        const Milliseconds aged(std::max<std::int64_t>(wall_clock() - on_disk_->told, 0));
        merge(*std::exchange(on_disk_, std::nullopt), aged, nullptr);
    }
    asked_for_ = what_is_remembered();
    for (const auto& [from, answer] : std::exchange(first_answers_, {}))
        take(from, answer);
}

/// What an earlier agent wrote.
std::optional<History> Exchanging::read_file_of_ours() const {
    if (::access(file().c_str(), F_OK) != 0 && errno == ENOENT)
        return std::nullopt;
    const auto text = read_file(file());
    auto history = text ? read_history(*text) : Result<History>(std::unexpected(text.error()));
    if (history)
        return std::move(*history);
    spdlog::error("{}: {}; flows of slots that have moved may be lost", file(), history.error().message);
    return std::nullopt;
}

asio::awaitable<void> Exchanging::keep_exchanging() {
    asio::steady_timer timer(executors_.loop);
    for (;;) {
        timer.expires_after(kInterval);
        co_await wait(timer);
        if (reconciler_.histories().empty())
            continue;
        ask_anew_if_changed();
        const auto questions = this->questions();
        const auto answers = co_await in_pool(asking_, [&] { return ask(questions, kEachTime); });
        for (std::size_t i = 0; i < answers.size(); ++i)
            take(questions[i].server.text(), answers[i]);
        forget_former_peers(questions);
        renew_present_owners();
        on_merged_();
        co_await write();
    }
}

/// One file may do for all of them.
bool Exchanging::is_this_balancer(const config::Endpoint& peer) const {
    const auto& http = running_.config.http;
    if (!http || http->port != peer.port)
        return false;
    auto netlink = net::Netlink::open();
    const auto own = netlink ? net::own_addresses(*netlink)
                             : Result<std::vector<net::OwnAddress>>(std::unexpected(netlink.error()));
    return own && std::ranges::find(*own, peer.address, &net::OwnAddress::address) != own->end();
}

/// Services by which slots are the same ones.
Exchanging::Asked Exchanging::what_is_remembered() {
    Asked asked;
    for (const auto& ours : reconciler_.histories())
        asked.emplace(ours.service->name, ours.service->table_size, ours.service->affinity_client);
    return asked;
}

/// What peers said of services that were not ours then was passed over.
void Exchanging::ask_anew_if_changed() {
    auto asked = what_is_remembered();
    if (asked == asked_for_)
        return;
    asked_for_ = std::move(asked);
    for (auto& [name, peer] : peers_)
        peer.instance.clear();
}

std::vector<api::Get> Exchanging::questions() const {
    std::vector<api::Get> questions;
    for (const auto& peer : running_.config.peers) {
        if (is_this_balancer(peer))
            continue;
        const api::Server server{peer.address.text(), std::to_string(peer.port)};
        const auto known = peers_.find(server.text());
        std::string path = "/history";
        if (known != peers_.end() && !known->second.instance.empty())
            path += fmt::format("?since={}&instance={}", known->second.revision, known->second.instance);
        questions.push_back({server, path});
    }
    return questions;
}

/// A peer that cannot be asked, or answers with something else, is complained about once.
void Exchanging::take(const std::string& from, const Result<History>& history) {
    Peer& peer = peers_[from];
    const bool spoke = std::exchange(peer.speaks, history.has_value());
    if (!history) {
        if (spoke)
            spdlog::warn("peer {}: {}; it is asked for its history each second", from,
                         history.error().message);
        return;
    }
    if (!spoke)
        spdlog::info("peer {} tells its history again", from);
    if (history->instance == instance_)
        return;  // it is this balancer itself
    if (peer.instance != history->instance)
        peer.owners.clear();
    peer.instance = history->instance;
    peer.revision = history->revision;
    std::erase_if(peer.owners, [&](const auto& entry) {
        return std::ranges::find(history->services, entry.first, &ToldService::name) ==
               history->services.end();
    });
    merge(*history, Milliseconds(0), &peer);
}

/// Believes it whatever the other's backends, listeners or version are: a wrong hop costs a hop. But slots
/// must be the same ones. `aged`: since it was told.
void Exchanging::merge(const History& history, Milliseconds aged, Peer* peer) {
    if (history.hash_key != fingerprint(running_.config.hash_key))
        return;
    const auto then = SteadyClock::now() - aged;
    for (const auto& ours : reconciler_.histories()) {
        const auto theirs = std::ranges::find(history.services, ours.service->name, &ToldService::name);
        if (theirs == history.services.end() || theirs->table_size != ours.service->table_size ||
            theirs->affinity_client != ours.service->affinity_client)
            continue;
        for (const auto& group : theirs->slots) {
            const auto past = past_of(group, *maps_.chances(), then);
            for (const std::uint32_t slot : group.slots)
                ours.life->merge(slot, past, then);
            if (peer != nullptr)
                note_owner(peer->owners[theirs->name], group.slots, past.owner, theirs->table_size);
        }
    }
}

void Exchanging::note_owner(std::vector<datapath::HopNumber>& owners, const std::vector<std::uint32_t>& slots,
                            datapath::HopNumber owner, std::uint32_t table_size) {
    owners.resize(table_size);
    for (const std::uint32_t slot : slots)
        owners[slot] = owner;
}

/// Where a peer has another owner, flows begin there all the time.
void Exchanging::renew_present_owners() {
    const auto now = SteadyClock::now();
    for (const auto& ours : reconciler_.histories()) {
        for (const auto& [name, peer] : peers_) {
            const auto owners = peer.owners.find(ours.service->name);
            if (!peer.speaks || owners == peer.owners.end())
                continue;
            for (std::uint32_t slot = 0; slot < owners->second.size(); ++slot) {
                const auto owner = owners->second[slot];
                if (owner != 0 && owner != ours.life->history().owner(slot))
                    ours.life->merge(slot, {owner, now, {}}, now);
            }
        }
    }
}

void Exchanging::forget_former_peers(const std::vector<api::Get>& present) {
    std::erase_if(peers_, [&](const auto& entry) {
        return std::ranges::none_of(present,
                                    [&](const api::Get& each) { return each.server.text() == entry.first; });
    });
}

History Exchanging::history_since(std::uint32_t revision) {
    History history{.instance = instance_,
                    .revision = reconciler_.next_revision(),
                    .told = wall_clock(),
                    .hash_key = fingerprint(running_.config.hash_key),
                    .services = {}};
    const auto now = SteadyClock::now();
    for (const auto& remembered : reconciler_.histories())
        history.services.push_back(
            told(remembered, *maps_.chances(), remembered.life->history().changed_since(revision), now));
    return history;
}

std::size_t Exchanging::changed_since(std::uint32_t revision) {
    std::size_t slots = 0;
    for (const auto& remembered : reconciler_.histories())
        slots += remembered.life->history().changed_since(revision).size();
    return slots;
}

/// Much is told to all who ask within a second.
std::string Exchanging::tell(const std::string& instance, std::uint32_t revision) {
    constexpr std::size_t kFew = 8192;
    if (instance == instance_ && revision != 0 && changed_since(revision) <= kFew)
        return text_of(history_since(revision));
    const auto now = SteadyClock::now();
    if (everything_.empty() || now - everything_made_ >= kInterval) {
        everything_ = text_of(history_since(0));
        everything_made_ = now;
    }
    return everything_;
}

asio::awaitable<void> Exchanging::write() {
    if (changed_since(written_) == 0)
        co_return;
    const auto history = history_since(0);
    const auto path = file();
    const auto written =
        co_await in_pool(executors_.files, [&] { return replace_file(path, text_of(history)); });
    file_trouble_.tell(written);
    if (written)
        written_ = history.revision;
}

void Exchanging::end() {
    if (changed_since(written_) != 0)
        file_trouble_.tell(replace_file(file(), text_of(history_since(0))));
}

std::string Exchanging::file() const {
    return config::state_dir_of(running_.config) + "/history.json";
}

}  // namespace guideway::agent
