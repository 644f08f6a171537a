// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace guideway::datapath {

/// Returns when every program that is running now has ended: nothing that was unlinked before is still being
/// read. Blocks for an RCU grace period, tens of milliseconds.
void wait_for_rcu_grace_period();

}  // namespace guideway::datapath
