// SPDX-License-Identifier: Apache-2.0
#include "agent/running_config.hpp"

#include <utility>

#include "control/fingerprint.hpp"

namespace guideway::agent {

RunningConfig::RunningConfig(config::Config at_start)
    : config(std::move(at_start)),
      fingerprint(control::fingerprint(config)),
      backend_metrics(config.metrics.backends) {}

void RunningConfig::become(const config::Config& next) {
    config = next;
    ++generation;
    fingerprint = control::fingerprint(config);
    backend_metrics = config.metrics.backends;
}

}  // namespace guideway::agent
