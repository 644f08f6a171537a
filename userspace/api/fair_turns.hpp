// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace guideway::api {

/// A mutex among coroutines of one thread that goes from client to client in turn: however many of one
/// client's wait, another's is let in after one of them.
class FairTurns {
  public:
    explicit FairTurns(boost::asio::io_context& loop) : loop_(loop) {}

    /// It is the caller's until what this returns is destroyed.
    [[nodiscard]] boost::asio::awaitable<std::shared_ptr<void>> enter(std::string client) {
        if (std::exchange(taken_, true)) {
            Waiting waiting(*this, client);
            while (!waiting.called)
                co_await waiting.timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        }
        last_ = std::move(client);
        co_return std::shared_ptr<void>(nullptr, [this](void*) { call_next(); });
    }

  private:
    /// A place in its client's queue, which it leaves when it is called or destroyed.
    struct Waiting {
        Waiting(FairTurns& its_turns, std::string its_client)
            : turns(its_turns),
              client(std::move(its_client)),
              timer(turns.loop_, boost::asio::steady_timer::time_point::max()) {
            turns.waiting_[client].push_back(this);
        }
        ~Waiting() {
            if (!called)
                leave();
        }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;

        void leave() {
            auto& queue = turns.waiting_[client];
            std::erase(queue, this);
            if (queue.empty())
                turns.waiting_.erase(client);
        }

        FairTurns& turns;
        std::string client;
        boost::asio::steady_timer timer;  ///< never rings; cancelled when it is its turn
        bool called = false;
    };

    void call_next() {
        auto next = waiting_.upper_bound(last_);
        if (next == waiting_.end())
            next = waiting_.begin();
        taken_ = next != waiting_.end();
        if (!taken_)
            return;
        auto& waiting = *next->second.front();
        waiting.leave();
        waiting.called = true;
        waiting.timer.cancel();
    }

    boost::asio::io_context& loop_;
    bool taken_ = false;
    std::string last_;  ///< whose turn it was
    std::map<std::string, std::deque<Waiting*>> waiting_;
};

}  // namespace guideway::api
