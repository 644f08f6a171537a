// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bgp/command.hpp"
#include "bgp/exabgp_config.hpp"
#include "util/result.hpp"

/// What the agent and ExaBGP's supervisor say to each other: a JSON object a line.
namespace guideway::bgp {

/// An agent takes over a supervisor of an earlier agent if both speak the same.
inline constexpr unsigned kSupervisorProtocol = 1;

/// The agent's loop turns. `complete`: it knows of every VIP whether it is to be announced.
struct Beat {
    bool complete = false;
};

/// On what ExaBGP may go on without an agent.
struct Terms {
    std::chrono::milliseconds hold{0};
    std::vector<std::string> links;  ///< pins; the programs must stay attached
};

/// The neighbours of ExaBGP's configuration file. The first time, ExaBGP is started with it; later it takes
/// reload_command() to have them read.
struct Configure {
    Neighbors neighbors;
};

using FromAgent = std::variant<Beat, Terms, Configure, Command>;

/// ExaBGP, as the agent may have to end it.
struct Process {
    pid_t id = 0;
    uid_t user = 0;
};

/// To begin with: routes of a peer that ExaBGP may have been told to announce, ...
struct Held {
    IpAddress peer;
    std::vector<IpAddress> vips;
};

/// ... then what else the agent must know of it.
struct Hello {
    unsigned protocol = kSupervisorProtocol;
    std::string program;                 ///< ExaBGP's
    bool started = false;                ///< ExaBGP runs, for an earlier agent
    Process process;                     ///< if it does
    Neighbors neighbors;                 ///< as it was started or told to read them
    std::chrono::milliseconds alone{0};  ///< for how long there was no agent
};

struct Started {
    Process process;
};

/// The answer to Configure.
struct Configured {
    std::string error;  ///< empty: the file is written
};

/// Whether ExaBGP hears commands.
struct Hearing {
    bool hears = false;
};

/// A line of ExaBGP's API.
struct Heard {
    std::string line;
};

/// ExaBGP ended or could not be started; the supervisor ends with it.
struct Ended {
    std::string reason;
};

using FromSupervisor = std::variant<Held, Hello, Started, Configured, Hearing, Heard, Ended>;

[[nodiscard]] std::string to_line(const FromAgent& message);
[[nodiscard]] std::string to_line(const FromSupervisor& message);

/// Errors: it is none.
[[nodiscard]] Result<FromAgent> read_from_agent(std::string_view line);
[[nodiscard]] Result<FromSupervisor> read_from_supervisor(std::string_view line);

}  // namespace guideway::bgp
