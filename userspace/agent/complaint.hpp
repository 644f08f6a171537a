// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "util/complaint.hpp"  // IWYU pragma: export
