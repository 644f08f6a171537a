// SPDX-License-Identifier: Apache-2.0
//
// A balancer as far as routers can tell: reads the bgp section of a configuration, announces what its
// standard input asks for, and prints its status as JSON. For tests of userspace/bgp against real routers.
//
//     announcer -c FILE --directory DIR [--exabgp PROGRAM]
//     announcer relay SOCKET      as `guideway relay`; and bgp-supervisor
//
//     want VIP...       exactly these, with the attributes of the configuration; complete from now on
//     range N           the first N addresses of 198.18.0.0/15
//     leave | stay      as `guideway withdraw` and `announce` do
//     status            one line of JSON
//     end               as SIGTERM does
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bgp/announcement.hpp"
#include "bgp/relay.hpp"
#include "bgp/speaker.hpp"
#include "bgp/supervisor.hpp"
#include "config/parser.hpp"
#include "util/log.hpp"

namespace {

using namespace guideway;
namespace asio = boost::asio;

const char* text_of(bgp::Presence presence) {
    return presence == bgp::Presence::kPresent   ? "present"
           : presence == bgp::Presence::kLeaving ? "leaving"
                                                 : "gone";
}

nlohmann::json to_json(const bgp::SpeakerStatus& status) {
    nlohmann::json json{{"presence", text_of(status.presence)},
                        {"running", status.running},
                        {"restarts", status.restarts},
                        {"last_error", status.last_error},
                        {"peers", nlohmann::json::array()}};
    for (const auto& peer : status.peers)
        json["peers"].push_back({{"address", peer.address.text()},
                                 {"as", peer.as},
                                 {"state", bgp::session_text(peer.session)},
                                 {"wanted", peer.wanted},
                                 {"announced", peer.announced},
                                 {"last_error", peer.last_error}});
    return json;
}

class Announcer {
  public:
    Announcer(asio::io_context& loop, config::Bgp bgp, std::shared_ptr<bgp::Speaker> speaker)
        : loop_(loop), bgp_(std::move(bgp)), speaker_(std::move(speaker)) {}

    asio::awaitable<void> obey() {
        asio::posix::stream_descriptor input(loop_, ::dup(STDIN_FILENO));
        std::string buffer;
        for (;;) {
            const auto [error, size] = co_await asio::async_read_until(
                input, asio::dynamic_buffer(buffer), '\n', asio::as_tuple(asio::use_awaitable));
            if (error)
                break;
            obey(buffer.substr(0, size - 1));
            buffer.erase(0, size);
        }
    }

    asio::awaitable<void> leave_for_good() {
        const auto speaker = speaker_;
        static_cast<void>(co_await speaker->leave());
        speaker->end();
        loop_.stop();
    }

  private:
    void obey(const std::string& line) {
        std::istringstream words(line);
        std::string command, word;
        words >> command;
        bgp::Routes routes;
        if (command == "want") {
            while (words >> word)
                add(routes, word);
            speaker_->want(routes, true);
        } else if (command == "range") {
            unsigned count = 0;
            words >> count;
            for (unsigned i = 0; i < count; ++i)
                add(routes, fmt::format("198.18.{}.{}", i / 250, i % 250 + 1));
            speaker_->want(routes, true);
        } else if (command == "leave") {
            asio::co_spawn(loop_, leave(), asio::detached);
        } else if (command == "stay") {
            speaker_->stay();
        } else if (command == "status") {
            std::cout << to_json(speaker_->status()).dump() << std::endl;
        } else if (command == "end") {
            asio::co_spawn(loop_, leave_for_good(), asio::detached);
        }
    }

    void add(bgp::Routes& routes, const std::string& vip) const {
        if (const auto address = IpAddress::parse(vip))
            routes[*address] = bgp::attributes_of(*address, {&bgp_});
    }

    asio::awaitable<void> leave() {
        const auto speaker = speaker_;
        static_cast<void>(co_await speaker->leave());
    }

    asio::io_context& loop_;
    config::Bgp bgp_;
    std::shared_ptr<bgp::Speaker> speaker_;
};

int run(const std::string& path, bgp::SpeakerOptions options) {
    set_up_log();
    const auto parsed = config::load(path);
    if (!parsed || !parsed->errors.empty() || !parsed->config.bgp) {
        std::cerr << (!parsed                  ? parsed.error().message
                      : parsed->errors.empty() ? "no bgp section"
                                               : parsed->errors[0].text())
                  << "\n";
        return 1;
    }
    std::signal(SIGPIPE, SIG_IGN);
    asio::io_context loop;
    options.bgp = *parsed->config.bgp;
    options.relay_program = std::filesystem::read_symlink("/proc/self/exe");
    auto speaker = bgp::Speaker::start(loop, options);
    Announcer announcer(loop, options.bgp, speaker);
    asio::co_spawn(loop, announcer.obey(), asio::detached);
    asio::signal_set signals(loop, SIGTERM);
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (!error)
            asio::co_spawn(loop, announcer.leave_for_good(), asio::detached);
    });
    loop.run();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::string(argv[1]) == "relay")
        return guideway::bgp::run_relay(argv[2]) ? 0 : 1;
    if (argc == 6 && std::string(argv[1]) == guideway::bgp::kSupervisorCommand) {
        guideway::set_up_log();
        const auto done = guideway::bgp::run_supervisor({.directory = argv[2],
                                                         .exabgp = argv[3],
                                                         .relay_program = argv[4],
                                                         .version_known = argv[5] == std::string("1")});
        return done ? 0 : 1;
    }
    CLI::App app("Announces VIPs as told on its standard input", "announcer");
    std::string path;
    guideway::bgp::SpeakerOptions options;
    app.add_option("-c,--config", path)->required();
    app.add_option("--directory", options.directory)->required();
    app.add_option("--exabgp", options.exabgp);
    CLI11_PARSE(app, argc, argv);
    return run(path, options);
}
