// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "util/file_watch.hpp"  // IWYU pragma: export
