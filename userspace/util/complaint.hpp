// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/spdlog.h>

#include <string>

#include "util/result.hpp"

namespace guideway {

/// Logs what goes wrong each second once, and again when it goes wrong otherwise.
class Complaint {
  public:
    template <typename T>
    void tell(const Result<T>& done) {
        if (!done && done.error().message != last_)
            spdlog::error("{}", done.error().message);
        last_ = done ? "" : done.error().message;
    }

    /// What goes wrong now; empty: nothing.
    [[nodiscard]] const std::string& current() const { return last_; }

  private:
    std::string last_;
};

}  // namespace guideway
