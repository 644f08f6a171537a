// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "util/result.hpp"
#include "util/unique_fd.hpp"

namespace guideway::connections {

/// A unix socket: who connects sends one line and gets one line of JSON, at once or when it is time.
class Control {
  public:
    /// Called again and again until it has the answer.
    using Answer = std::function<std::optional<nlohmann::json>()>;
    using Handler = std::function<Answer(const std::string& line)>;

    [[nodiscard]] static Result<Control> listen(const std::string& path);
    /// Takes what was asked, answers what can be answered; never blocks.
    void poll(const Handler& handler);

  private:
    struct Session {
        UniqueFd socket;
        std::string line;
        Answer answer;
    };

    explicit Control(UniqueFd listener) : listener_(std::move(listener)) {}
    /// False when the session is over.
    [[nodiscard]] static bool serve(Session& session, const Handler& handler);

    UniqueFd listener_;
    std::vector<Session> sessions_;
};

/// The client's side: sends the line and returns the answer. An answer {"error": …} is an error.
[[nodiscard]] Result<std::string> ask(const std::string& path, const std::string& line,
                                      std::chrono::seconds timeout);

}  // namespace guideway::connections
