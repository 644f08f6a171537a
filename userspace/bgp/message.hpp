// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "util/ip_address.hpp"

/// What ExaBGP 4.2 says on its API with `encoder json` and acknowledgements: a line each.
namespace guideway::bgp {

/// The answer to the one command that is under way.
struct Acknowledgement {
    bool ok = false;
};

enum class Session { kIdle, kConnecting, kOpening, kUp };

[[nodiscard]] std::string_view session_text(Session session);

/// What became of a session.
struct SessionEvent {
    IpAddress peer;
    Session session = Session::kIdle;
    std::string reason;  ///< of an end; may be empty
};

/// A line of the answer to `show neighbor summary`, which lists the sessions that are up.
struct EstablishedPeer {
    IpAddress peer;
};

/// A line of the answer to `show neighbor configuration`: ExaBGP has this neighbour, whatever its session.
struct ConfiguredPeer {
    IpAddress peer;
};

/// Anything else: nothing to act on.
struct OtherLine {};

using Message = std::variant<OtherLine, Acknowledgement, SessionEvent, EstablishedPeer, ConfiguredPeer>;

/// Any text is read without fault: ExaBGP puts raw control characters and other people's bytes into its JSON.
[[nodiscard]] Message read_message(std::string_view line);

/// Other people's text, as an operator's terminal, log and metrics may have it: printable ASCII, 200 bytes of
/// it at most.
[[nodiscard]] std::string cleaned_text(std::string_view text);

/// Bytes to lines, wherever they are cut.
class LineBuffer {
  public:
    /// The lines that are complete now. One longer than a megabyte is dropped.
    [[nodiscard]] std::vector<std::string> add(std::string_view bytes);

  private:
    std::string rest_;
    bool dropping_ = false;
};

}  // namespace guideway::bgp
