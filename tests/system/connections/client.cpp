// SPDX-License-Identifier: Apache-2.0
#include "client.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <fstream>
#include <random>

namespace guideway::connections {

namespace {

constexpr std::chrono::milliseconds kTick{10};
/// Faster, and SYNs overflow the queues on their way.
constexpr double kOpenedPerSecond = 1500;
constexpr std::chrono::milliseconds kBulkEvery{500};
constexpr std::uint64_t kRequestBytes = 128;
constexpr std::uint64_t kChurnBytes = 32;
constexpr std::size_t kMaxChurning = 4000;
constexpr std::uint64_t kSpareFiles = 64;

double per_second(std::size_t count, std::chrono::milliseconds interval) {
    return static_cast<double>(count) * 1000 / static_cast<double>(interval.count());
}

}  // namespace

Client::Client(const HoldOptions& options, Control control)
    : options_(options),
      control_(std::move(control)),
      opening_(kOpenedPerSecond),
      churning_(options.churn),
      next_id_((std::uint64_t{std::random_device()()} << 32) + 1) {}

Result<Client> Client::create(const HoldOptions& options) {
    if (auto raised = raise_file_limit(options.count + (options.churn > 0 ? kMaxChurning : 0) + kSpareFiles);
        !raised)
        return std::unexpected(raised.error());
    auto control = Control::listen(options.control);
    if (!control)
        return std::unexpected(control.error());
    Client client(options, std::move(*control));
    for (const auto& address : options.addresses) {
        auto vip = make_endpoint(address, options.port);
        if (!vip)
            return std::unexpected(vip.error());
        client.vips_.push_back(*vip);
    }
    client.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!client.epoll_)
        return fail("make an epoll: {}", errno_text());
    client.make_places();
    return client;
}

void Client::make_places() {
    const auto [idle, bulk, request] = options_.shares;
    const std::size_t whole = idle + bulk + request;
    places_.reserve(options_.count);
    for (std::size_t i = 0; i < options_.count; ++i) {
        const std::size_t share = i * whole / options_.count;
        const auto kind = share < idle ? Kind::kIdle : share < idle + bulk ? Kind::kBulk : Kind::kRequest;
        places_.push_back({kind, i % vips_.size()});
    }
    for (auto& place : places_) {
        rounds_[static_cast<std::size_t>(place.kind)].places.push_back(&place);
        wanted_.push_back(&place);
    }
    const std::array intervals{options_.idle_every, kBulkEvery, options_.request_every};
    const std::array<std::uint64_t, 3> bytes{
        1, std::max<std::uint64_t>(1, options_.bulk_rate * kBulkEvery.count() / 1000), kRequestBytes};
    for (std::size_t kind = 0; kind < rounds_.size(); ++kind) {
        rounds_[kind].pace = Pace(per_second(rounds_[kind].places.size(), intervals[kind]));
        rounds_[kind].bytes = bytes[kind];
    }
}

Result<void> Client::run(const UniqueFd& end) {
    const auto give_up = Clock::now() + options_.at_most;
    auto next_tick = Clock::now();
    std::array<epoll_event, 512> events;
    while (!ending_ || !connections_.empty()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_tick - Clock::now());
        const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(),
                                       static_cast<int>(std::max<std::int64_t>(0, left.count())));
        for (const auto& event : std::span(events).first(std::max(ready, 0)))
            proceed(event.data.u64);
        const auto now = Clock::now();
        if (now < next_tick)
            continue;
        next_tick = now + kTick;
        ending_ = ending_ || is_readable(end) || now > give_up;
        tick(now);
    }
    fmt::print("{}\n", report_.line());
    control_.poll([this](const std::string& line) { return handle(line); });
    if (Clock::now() > give_up)
        return fail("hold connections for longer than {} s: refused; --at-most says how long",
                    options_.at_most.count());
    return options_.report.empty() ? Result<void>() : write_report();
}

Result<void> Client::write_report() const {
    std::ofstream file(options_.report);
    file << report().dump(2) << "\n";
    file.close();
    return file ? Result<void>() : fail("write {}: {}", options_.report, errno_text());
}

void Client::tick(Clock::time_point now) {
    if (ending_) {
        end_all();
    } else {
        open_wanted(now);
        open_churn(now);
        take_turns(now);
    }
    std::vector<std::pair<std::uint64_t, Judgement>> late;
    for (auto& [id, connection] : connections_) {
        if (auto judgement = connection.in_time(now); !judgement)
            late.emplace_back(id, std::move(judgement));
    }
    for (const auto& [id, judgement] : late)
        judge(connections_.at(id), judgement);
    control_.poll([this](const std::string& line) { return handle(line); });
}

// --- opening and ending ------------------------------------------------------------------------------------

void Client::open_wanted(Clock::time_point now) {
    for (std::size_t due = opening_.due(now, 100); due > 0 && !wanted_.empty(); --due) {
        Place& place = *wanted_.front();
        wanted_.pop_front();
        place.connection = open(place.kind, place.vip);
    }
}

void Client::open_churn(Clock::time_point now) {
    for (std::size_t due = churning_.due(now, 100); due > 0; --due) {
        if (connections_.size() < options_.count + kMaxChurning)
            open(Kind::kChurn, churned_++ % vips_.size());
    }
}

std::uint64_t Client::open(Kind kind, std::size_t vip) {
    const std::uint64_t id = next_id_++;
    auto connection = Connection::open(kind, id, vips_[vip], options_.timeout);
    if (!connection) {
        report_.refused(kind, "connect: " + connection.error());
        return 0;
    }
    watch(*connection, EPOLLOUT, EPOLL_CTL_ADD);
    connections_.emplace(id, std::move(*connection));
    return id;
}

void Client::watch(const Connection& connection, std::uint32_t events, int operation) {
    epoll_event event{events, {.u64 = connection.id()}};
    ::epoll_ctl(epoll_.get(), operation, connection.fd(), &event);
}

void Client::end_all() {
    for (auto& [id, connection] : connections_) {
        if (connection.state() == Connection::State::kOpen)
            connection.end();
    }
}

// --- what happens to one connection ------------------------------------------------------------------------

void Client::proceed(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end())
        return;
    Connection& connection = found->second;
    const auto before = connection.state();
    if (!judge(connection, connection.proceed(buffer_)))
        return;
    if (before == Connection::State::kConnecting)
        watch(connection, EPOLLIN, EPOLL_CTL_MOD);
    if (before < Connection::State::kOpen && connection.state() >= Connection::State::kOpen)
        has_opened(connection);
    else if (connection.kind() == Kind::kChurn && connection.state() == Connection::State::kOpen &&
             !connection.waits())
        connection.end();
    else if (connection.state() == Connection::State::kEnded) {
        report_.ended(connection);
        connections_.erase(found);
    }
}

void Client::has_opened(Connection& connection) {
    report_.established(connection);
    const auto bytes = connection.kind() == Kind::kChurn ? kChurnBytes : 0;
    judge(connection, connection.send(bytes, buffer_));
}

bool Client::judge(Connection& connection, const Judgement& judgement) {
    if (judgement)
        return true;
    report_.broken(connection, judgement.error());
    connections_.erase(connection.id());
    return false;
}

void Client::take_turns(Clock::time_point now) {
    for (auto& round : rounds_) {
        for (std::size_t due = round.pace.due(now, round.places.size()); due > 0; --due) {
            const Place& place = *round.places[round.next];
            round.next = (round.next + 1) % round.places.size();
            const auto found = connections_.find(place.connection);
            if (found == connections_.end())
                continue;
            Connection& connection = found->second;
            // Only a bulk stream goes on while answers are on their way, until one fails to come.
            if (connection.state() == Connection::State::kOpen &&
                (place.kind == Kind::kBulk ? connection.promised() - connection.sent() < kChunk
                                           : !connection.waits()))
                judge(connection, connection.send(round.bytes, buffer_));
        }
    }
}

}  // namespace guideway::connections
