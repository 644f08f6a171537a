// SPDX-License-Identifier: Apache-2.0
#include "datapath/rcu.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace guideway::datapath {

void wait_for_rcu_grace_period() {
    // Kernels with nohz_full CPUs refuse the call; a program runs for microseconds, so that waiting does
    // there.
    if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

}  // namespace guideway::datapath
