// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "util/heartbeat.hpp"  // IWYU pragma: export
