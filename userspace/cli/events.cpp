// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/control_client.hpp"
#include "api/event.hpp"
#include "api/event_feed.hpp"
#include "api/event_follower.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/event_text.hpp"
#include "config/scalar.hpp"

namespace guideway::cli {

namespace {
namespace asio = boost::asio;
using Json = nlohmann::ordered_json;
using SystemTime = std::chrono::system_clock::time_point;

struct Options {
    std::string runtime_dir = kDefaultRuntimeDir;
    std::string since;
    std::string service;
    std::size_t last = 100;
    bool last_is_said = false;
    bool follow = false;
    bool json = false;
};

/// An id, or a time that has gone since.
struct Since {
    std::optional<std::uint64_t> id;
    std::optional<SystemTime> time;
};

Since read_since(const std::string& text) {
    Since since;
    if (text.empty())
        return since;
    std::uint64_t id = 0;
    const char* end = text.data() + text.size();
    if (const auto [rest, error] = std::from_chars(text.data(), end, id);
        error == std::errc{} && rest == end) {
        since.id = id;
        return since;
    }
    constexpr auto kLongest = std::chrono::hours(24 * 365);
    const auto ago = config::read_duration({text, false}, {config::Duration{0}, kLongest});
    if (!ago)
        misused(
            fmt::format("--since: expected an id such as 1234, or how long ago: {}", ago.error().message));
    since.time = std::chrono::system_clock::now() - *ago;
    return since;
}

/// Of a terminal; nothing: it is none, and its lines are as long as they are.
std::optional<std::size_t> terminal_width() {
    winsize size{};
    if (::isatty(STDOUT_FILENO) == 0)
        return std::nullopt;
    constexpr std::size_t kUsual = 80;
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

void print(const Json& event, const Options& options) {
    if (options.json)
        return fmt::print("{}\n", event.dump(-1, ' ', false, Json::error_handler_t::replace));
    const auto text = event_text(event);
    const auto width = terminal_width();
    fmt::print("{}\n", width ? wrapped(text, *width) : text);
}

bool is_meant(const Json& event, const Options& options) {
    return options.service.empty() || event.value("service", "") == options.service;
}

bool is_after(const Json& event, const Since& since) {
    if (!since.time)
        return true;
    const auto read = api::read_event(event.dump());
    return !read || read->at >= *since.time;
}

/// Those that are kept and meant, and how far they go.
struct Kept {
    std::vector<Json> events;
    std::uint64_t first = 0, last = 0;
};

Result<Kept> kept_events(const Options& options, const Since& since) {
    const bool chosen = since.time || !options.service.empty();
    const auto limit = chosen || since.id ? api::EventFeed::kKept : options.last;
    auto path = fmt::format("/events?limit={}", limit);
    if (since.id)
        path += fmt::format("&since={}", *since.id);
    const auto list = api::ask_agent_json(options.runtime_dir, "GET", path);
    if (!list)
        return std::unexpected(list.error());
    Kept kept{.events = {},
              .first = list->at("first").get<std::uint64_t>(),
              .last = list->at("last").get<std::uint64_t>()};
    for (const auto& event : list->at("events")) {
        if (is_meant(event, options) && is_after(event, since))
            kept.events.push_back(event);
    }
    const bool all = !options.since.empty() && !options.last_is_said;
    if (!all && kept.events.size() > options.last)
        kept.events.erase(kept.events.begin(), kept.events.end() - static_cast<std::ptrdiff_t>(options.last));
    return kept;
}

void tell(const std::string& sentence) {
    fmt::print(stderr, "guideway: {}\n", sentence);
}

/// Shows events as they happen, until somebody interrupts it or nobody reads them any more.
class Following {
  public:
    Following(const Options& options, std::uint64_t last)
        : options_(options),
          last_(last),
          signals_(loop_, SIGINT, SIGTERM),
          follower_(loop_, options.runtime_dir, last,
                    {.on_event = [this](const Json& event) { show(event); },
                     .on_lost =
                         [](const std::string& why) {
                             tell(fmt::format("the agent does not answer ({}): waiting for it", why));
                         },
                     .on_found = [] { tell("the agent answers again"); }}) {}

    /// The exit status.
    int run() {
        std::signal(SIGPIPE, SIG_IGN);
        signals_.async_wait([this](const boost::system::error_code&, int) { loop_.stop(); });
        watch_reader();
        asio::co_spawn(loop_, follower_.follow(), asio::detached);
        loop_.run();
        return status_;
    }

  private:
    /// The other end of a pipe may be closed long before there is anything to write.
    void watch_reader() {
        boost::system::error_code none;
        output_.assign(::dup(STDOUT_FILENO), none);
        if (none)
            return;
        output_.async_wait(asio::posix::stream_descriptor::wait_error,
                           [this](const boost::system::error_code& error) {
                               if (!error)
                                   end_unread();
                           });
    }

    void show(const Json& event) {
        const auto id = event.at("id").get<std::uint64_t>();
        if (id <= last_)
            tell("the agent has lost its earlier events: their ids begin anew");
        else if (last_ > 0 && id > last_ + 1)
            tell(fmt::format("events {} to {} are missing: they are no longer kept", last_ + 1, id - 1));
        last_ = id;
        if (!is_meant(event, options_))
            return;
        print(event, options_);
        if (std::fflush(stdout) == 0)
            return;
        if (errno == EPIPE)
            return end_unread();
        status_ = refuse({"write to stdout: " + errno_text()});
        loop_.stop();
    }

    /// What is left in stdout's buffer is for nobody.
    void end_unread() {
        if (std::freopen("/dev/null", "w", stdout) == nullptr)
            status_ = kRefused;
        loop_.stop();
    }

    const Options& options_;
    std::uint64_t last_;
    int status_ = kDone;
    asio::io_context loop_{1};
    asio::signal_set signals_;
    asio::posix::stream_descriptor output_{loop_};
    api::EventFollower follower_;
};

int run(const Options& options) {
    const auto since = read_since(options.since);
    const auto kept = kept_events(options, since);
    if (!kept)
        return refuse(kept.error());
    if (since.id && kept->first > *since.id + 1)
        tell(fmt::format("events {} to {} are missing: they are no longer kept", *since.id + 1,
                         kept->first - 1));
    for (const auto& event : kept->events)
        print(event, options);
    if (!options.follow)
        return kDone;
    std::fflush(stdout);
    return Following(options, kept->last).run();
}
}  // namespace

void add_events(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "events", "What happened: who went up, down, was drained, announced, moved, and why");
    const auto options = std::make_shared<Options>();
    command->add_flag("-f,--follow", options->follow,
                      "go on with what happens, through restarts of the agent, until interrupted");
    command->add_flag("--json", options->json, "each as a JSON object on a line");
    command->add_option("--since", options->since, "those after this id, or of the last 10m, 2h, ...")
        ->type_name("ID|DURATION");
    auto* last =
        command->add_option("-n,--last", options->last, "the latest so many; with --since: all, unless said")
            ->type_name("N")
            ->check(CLI::Range(std::size_t{0}, api::EventFeed::kKept))
            ->capture_default_str();
    command->add_option("--service", options->service, "only those of this service and its backends")
        ->type_name("S");
    command->add_option("--runtime-dir", options->runtime_dir, "the agent's")
        ->type_name("D")
        ->capture_default_str();
    command->footer(
        "Exits with 0, also when interrupted or when nobody reads on; with 1 if no agent answers at first.\n"
        "Example: guideway events --follow --service web");
    command->callback([options, last, &status] {
        options->last_is_said = last->count() > 0;
        status = run(*options);
    });
}

}  // namespace guideway::cli
