// SPDX-License-Identifier: Apache-2.0
#include "api/process_metrics.hpp"

namespace guideway::api {

void add_process(Families& families, const ProcessUsage& usage) {
    const auto add = [&families](Family family, double value) {
        family.add({}, value);
        families.push_back(std::move(family));
    };
    add(counter("process_cpu_seconds_total", "Processor time of the process, user's and system's."),
        usage.cpu_seconds);
    add(gauge("process_resident_memory_bytes", "Memory of the process that is in RAM."),
        static_cast<double>(usage.resident_bytes));
    add(gauge("process_virtual_memory_bytes", "Its address space."),
        static_cast<double>(usage.virtual_bytes));
    add(gauge("process_open_fds", "Its open file descriptors."), static_cast<double>(usage.open_files));
    add(gauge("process_max_fds", "File descriptors that it may have open."),
        static_cast<double>(usage.max_files));
    add(gauge("process_start_time_seconds", "When it started, in seconds since 1970."), usage.started);
}

}  // namespace guideway::api
