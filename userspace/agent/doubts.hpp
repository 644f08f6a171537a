// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "agent/next_hop_updates.hpp"
#include "config/model.hpp"
#include "control/reconciler.hpp"
#include "util/coroutines.hpp"

namespace guideway::agent {

/// What the next configuration would do that somebody should insist on, a line each: backends that have a way
/// now and would have none by the interfaces that remain, and services of which more would move than
/// `reload: {max_move}` allows. The caller computes (Adjusting).
[[nodiscard]] boost::asio::awaitable<std::vector<std::string>> doubts_about(
    const config::Config& next, const control::DesiredState& desired, const config::Config& running,
    const NextHopUpdates& next_hops, const control::Reconciler& reconciler, Pool& computing);

}  // namespace guideway::agent
