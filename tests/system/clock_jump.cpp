// SPDX-License-Identifier: Apache-2.0
//
// A library to be preloaded: the time of day is as many seconds ahead as stand, as an int64_t, in the file
// that CLOCK_JUMP names. The monotonic clock is not touched.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

using ClockGettime = int (*)(clockid_t, timespec*);

const volatile std::int64_t* seconds_ahead() {
    const char* path = std::getenv("CLOCK_JUMP");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    void* page = fd < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        std::abort();
    return static_cast<const volatile std::int64_t*>(page);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) {
    static const auto real = reinterpret_cast<ClockGettime>(::dlsym(RTLD_NEXT, "clock_gettime"));
    static const volatile std::int64_t* const ahead = seconds_ahead();
    const int result = real(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += *ahead;
    return result;
}
