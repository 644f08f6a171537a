// SPDX-License-Identifier: Apache-2.0
// Real TCP connections in their thousands, each byte of them numbered, to tell exactly which break when
// something changes.
//
//   connections serve NAME PORT ADDRESS...                a backend's server
//   connections hold --control SOCKET PORT ADDRESS...     holds connections, judges them, reports
//   connections ask SOCKET WORD...                        asks the one who holds; prints its answer, a line
//   of JSON connections flood --sources PREFIX PORT ADDRESS       SYNs from random sources
//
// What `hold` can be asked: `await` (until all are established or broken), `phase NAME` (what breaks from now
// on belongs to it), `checkpoint` (until each live connection has completed a round trip begun now, or is
// broken), `reopen` (until what is broken is replaced), `backends` (who serves how many), `report`, `end`.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "client.hpp"
#include "control.hpp"
#include "flood.hpp"
#include "server.hpp"

namespace {

using namespace guideway;
using namespace guideway::connections;

constexpr std::size_t kMaxConnections = 15000;

Result<void> run_serve(const ServeOptions& options, const UniqueFd& end) {
    auto server = Server::listen(options);
    if (!server)
        return std::unexpected(server.error());
    fmt::print("{} serves port {}\n", options.name, options.port);
    std::fflush(stdout);
    return server->run(end);
}

Result<void> run_hold(const HoldOptions& options, const UniqueFd& end) {
    auto client = Client::create(options);
    if (!client)
        return std::unexpected(client.error());
    fmt::print("holds {} connections\n", options.count);
    std::fflush(stdout);
    return client->run(end);
}

Result<void> run_ask(const std::string& socket, const std::vector<std::string>& words,
                     std::chrono::seconds timeout) {
    const auto answer = ask(socket, fmt::format("{}", fmt::join(words, " ")), timeout);
    if (!answer)
        return std::unexpected(answer.error());
    fmt::print("{}\n", *answer);
    return {};
}

Result<void> run_flood(const FloodOptions& options, const UniqueFd& end) {
    const auto start = Clock::now();
    const auto sent = flood(options, end);
    if (!sent)
        return std::unexpected(sent.error());
    const auto seconds = std::chrono::duration<double>(Clock::now() - start).count();
    fmt::print("{} SYNs in {:.1f} s, {:.0f}/s\n", *sent, seconds, static_cast<double>(*sent) / seconds);
    return {};
}

/// Whole numbers of a unit of time, within bounds.
template <typename Duration>
void add_duration(CLI::App* command, const std::string& name, Duration& value, int least, int most,
                  const std::string& help) {
    command->add_option_function<int>(
               name, [&value](int number) { value = Duration(number); }, help)
        ->check(CLI::Range(least, most));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Real TCP connections in their thousands: which of them break, and how", "connections");
    app.require_subcommand(1);

    ServeOptions serve;
    auto* serve_command = app.add_subcommand("serve", "Be a backend's server, until SIGTERM");
    serve_command->add_option("name", serve.name, "what it tells its clients")->required();
    serve_command->add_option("port", serve.port)->required();
    serve_command->add_option("address", serve.addresses)->required();
    serve_command->add_option("--corrupt-at", serve.corrupt_at, "send a wrong byte at this offset");

    HoldOptions hold;
    auto* hold_command = app.add_subcommand("hold", "Hold connections, until asked to end");
    hold_command->add_option("port", hold.port)->required();
    hold_command->add_option("address", hold.addresses)->required();
    hold_command->add_option("--control", hold.control, "unix socket on which it can be asked")->required();
    hold_command->add_option("--report", hold.report, "file for the last report");
    hold_command->add_option("--count", hold.count)->check(CLI::Range(std::size_t{1}, kMaxConnections));
    hold_command->add_option("--idle", hold.shares[0], "share: a byte each way now and then");
    hold_command->add_option("--bulk", hold.shares[1], "share: a stream each way");
    hold_command->add_option("--request", hold.shares[2], "share: small requests, larger answers");
    add_duration(hold_command, "--idle-every", hold.idle_every, 10, 100000, "ms between an idle one's bytes");
    add_duration(hold_command, "--request-every", hold.request_every, 10, 100000, "ms between requests");
    hold_command->add_option("--bulk-rate", hold.bulk_rate, "bytes/s each way")
        ->check(CLI::Range(1, 10000000));
    hold_command->add_option("--churn", hold.churn, "short connections a second, besides")
        ->check(CLI::Range(0, 400));
    add_duration(hold_command, "--timeout", hold.timeout, 10, 100000, "ms without progress: broken");
    add_duration(hold_command, "--at-most", hold.at_most, 1, 100000, "seconds after which it gives up");

    std::string socket;
    std::vector<std::string> words;
    std::chrono::seconds patience{60};
    auto* ask_command = app.add_subcommand("ask", "Ask the one who holds connections");
    ask_command->add_option("socket", socket)->required();
    ask_command->add_option("word", words)->required();
    add_duration(ask_command, "--timeout", patience, 1, 3600, "seconds to wait for the answer");

    FloodOptions flooding;
    auto* flood_command = app.add_subcommand("flood", "Send SYNs from random sources");
    flood_command->add_option("port", flooding.port)->required();
    flood_command->add_option("address", flooding.address)->required();
    flood_command->add_option("--sources", flooding.sources, "prefix that is routed back to here")
        ->required();
    add_duration(flood_command, "--seconds", flooding.seconds, 1, 3600, "how long");
    flood_command->add_option("--rate", flooding.rate, "SYNs/s; otherwise as many as one core can");
    flood_command->add_option("--count", flooding.count, "SYNs in all");
    CLI11_PARSE(app, argc, argv);

    die_with_parent();
    const auto done = *serve_command  ? run_serve(serve, end_signal())
                      : *hold_command ? run_hold(hold, end_signal())
                      : *ask_command  ? run_ask(socket, words, patience)
                                      : run_flood(flooding, end_signal());
    if (!done)
        fmt::print(stderr, "connections: {}\n", done.error().message);
    return done ? 0 : 1;
}
