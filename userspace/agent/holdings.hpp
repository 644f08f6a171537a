// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/overrides_file.hpp"
#include "config/model.hpp"
#include "datapath/datapath.hpp"
#include "util/exclusive_lock.hpp"
#include "util/result.hpp"

namespace guideway::agent {

/// What one agent at a time holds of a host.
struct Holdings {
    ExclusiveLock runtime_lock;
    OverridesFile overrides;
    datapath::Datapath datapath;
};

/// Takes them, and over what an earlier agent left. Errors leave what forwards as it is.
[[nodiscard]] Result<Holdings> take_hold(const config::Config& config);

}  // namespace guideway::agent
