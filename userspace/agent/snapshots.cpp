// SPDX-License-Identifier: Apache-2.0
#include "agent/snapshots.hpp"

#include <malloc.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "api/link_state.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
/// One that is younger serves another request.
constexpr std::chrono::milliseconds kAge{100};
/// One that took long to make serves as many times that.
constexpr int kAgeOverCost = 2;
/// Memory of one that is larger than so many backends' is given back to the system.
constexpr std::size_t kLargeFrom = 5000;

std::size_t slot_of(api::Detail detail) {
    return detail == api::Detail::kBackends ? 1 : 0;
}

bool is_large(const api::Snapshot& snapshot) {
    std::size_t backends = 0;
    for (const auto& service : snapshot.services)
        backends += service.backends.size();
    return backends >= kLargeFrom;
}
}  // namespace

Snapshots::Snapshots(asio::io_context& loop, api::HttpThreads threads, const datapath::Maps& maps,
                     const datapath::Pins& pins, Collect collect)
    : loop_(loop),
      threads_(threads),
      collect_(std::move(collect)),
      reader_(maps, pins),
      making_(threads.talking),
      forget_timer_(threads.talking) {}

std::shared_ptr<const api::Snapshot> Snapshots::kept(api::Detail detail) const {
    for (std::size_t slot = slot_of(detail); slot < kept_.size(); ++slot) {
        const auto& kept = kept_[slot];
        if (kept.snapshot && kept.generation == generation_ && Clock::now() < kept.until)
            return kept.snapshot;
    }
    return nullptr;
}

asio::awaitable<Result<std::shared_ptr<const api::Snapshot>>> Snapshots::current(api::Detail detail) {
    const auto turn = co_await making_.lock();
    if (auto snapshot = kept(detail))
        co_return snapshot;
    co_return co_await make(detail);
}

asio::awaitable<Result<std::shared_ptr<const api::Snapshot>>> Snapshots::make(api::Detail detail) {
    const auto begun = Clock::now();
    const std::uint64_t generation = generation_;
    auto knowledge = co_await asio::co_spawn(loop_, collect_.all(detail), asio::use_awaitable);
    auto made = co_await in_pool(threads_.making, [&]() -> Result<std::shared_ptr<const api::Snapshot>> {
        auto read = reader_.read(detail, knowledge.flows.get());
        if (!read)
            return std::unexpected(read.error());
        knowledge.agent.usage = process_usage();
        api::look_at_links(knowledge.interfaces);
        api::add_knowledge(*read, std::move(knowledge));
        return std::make_shared<const api::Snapshot>(std::move(*read));
    });
    if (!made)
        co_return made;
    const auto cost = Clock::now() - begun;
    kept_[slot_of(detail)] = {*made, generation,
                              Clock::now() + std::max<Clock::duration>(kAge, kAgeOverCost * cost)};
    forget_later();
    co_return made;
}

asio::awaitable<Result<std::optional<api::ServiceSnapshot>>> Snapshots::service(std::string name) {
    const auto turn = co_await making_.lock();
    auto knowledge = co_await asio::co_spawn(loop_, collect_.service(name), asio::use_awaitable);
    co_return co_await in_pool(threads_.making, [&]() -> Result<std::optional<api::ServiceSnapshot>> {
        auto read = reader_.read_service(name, *knowledge.flows);
        if (read && *read && !knowledge.services.empty())
            api::add_knowledge(**read, knowledge.services.front());
        return read;
    });
}

asio::awaitable<std::optional<api::TableSnapshot>> Snapshots::table(std::string name, std::uint32_t at_most) {
    const auto turn = co_await making_.lock();
    co_return co_await in_pool(threads_.making, [&] { return reader_.read_table(name, at_most); });
}

/// A large one is a burden when nobody asks any more.
void Snapshots::forget_later() {
    Clock::time_point until = Clock::time_point::min();
    for (const auto& kept : kept_)
        until = std::max(until, kept.snapshot ? kept.until : until);
    forget_timer_.expires_at(until);
    forget_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error)
            return;
        bool was_large = false;
        for (auto& kept : kept_) {
            was_large = was_large || (kept.snapshot && is_large(*kept.snapshot));
            kept.snapshot = nullptr;
        }
        if (was_large)
            asio::post(threads_.making, [] { ::malloc_trim(0); });
    });
}

}  // namespace guideway::agent
