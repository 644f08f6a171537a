// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace guideway::api {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// One metric's name, help and samples, as text in Prometheus's exposition format 0.0.4.
class Family {
  public:
    Family(const char* name, const char* help, const char* type) : name_(name), help_(help), type_(type) {}

    void add(const Labels& labels, double value);

    /// Takes the text since the last call; empty if there were no samples. The name's comments come before
    /// the first sample.
    [[nodiscard]] std::string take_text() { return std::exchange(text_, {}); }
    [[nodiscard]] std::size_t size() const { return text_.size(); }

  private:
    const char* name_;
    const char* help_;
    const char* type_;
    bool begun_ = false;
    std::string text_;
};

using Families = std::vector<Family>;

inline Family counter(const char* name, const char* help) {
    return {name, help, "counter"};
}

inline Family gauge(const char* name, const char* help) {
    return {name, help, "gauge"};
}

}  // namespace guideway::api
