// SPDX-License-Identifier: Apache-2.0
#include "allocated_memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {
std::size_t allocated = 0;
std::size_t peak = 0;
}  // namespace

void* operator new(std::size_t size) {
    void* memory = std::malloc(size);
    if (memory == nullptr)
        throw std::bad_alloc();
    allocated += malloc_usable_size(memory);
    peak = std::max(peak, allocated);
    return memory;
}

void operator delete(void* memory) noexcept {
    allocated -= malloc_usable_size(memory);
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    operator delete(memory);
}

namespace guideway::bench {

std::size_t allocated_memory() {
    return allocated;
}

std::size_t peak_memory() {
    return peak;
}

void reset_peak_memory() {
    peak = allocated;
}

}  // namespace guideway::bench
