// SPDX-License-Identifier: Apache-2.0
#include "backend/helper.hpp"

#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <filesystem>

#include "api/control_client.hpp"
#include "api/link_state.hpp"
#include "util/in_pool.hpp"

namespace guideway::backend {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::seconds kRepairInterval{1};
/// However many ask: looking at the host once in this time is enough.
constexpr std::chrono::milliseconds kSnapshotAge{100};

/// A configuration, unless the file changed while it was read, or somebody has it open for writing.
std::optional<LoadedHost> read_settled(HelperOptions& options) {
    const auto before = look_at_file(options.config_file);
    if (before.being_written.value_or(false))
        return std::nullopt;
    auto loaded = options.load();
    if (look_at_file(options.config_file) != before)
        return std::nullopt;
    options.read_state = before;
    return loaded;
}

/// What would need maps or a lock of another place.
std::vector<std::string> unchangeable(const config::BackendHost& running, const config::BackendHost& next) {
    std::vector<std::string> errors;
    const auto check = [&](const char* key, const std::string& was, const std::string& is) {
        if (was != is)
            errors.push_back(
                fmt::format("{}: {} cannot become {} by a reload; start anew for that", key, was, is));
    };
    check("runtime_dir", running.runtime_dir, next.runtime_dir);
    check("pins", running.pins, next.pins);
    return errors;
}

void tell_counts(const Host& host) {
    const auto counts = host.counts();
    if (!counts)
        return;
    spdlog::info("{} packets were unwrapped", (*counts)[abi::DECAP_UNWRAPPED]);
    if (const auto fragments = (*counts)[abi::DECAP_OUTER_FRAGMENT]; fragments > 0)
        spdlog::warn(
            "{} packets arrived with a fragmented outer header: the way from the balancers is too narrow for "
            "them",
            fragments);
}
}  // namespace

Result<std::unique_ptr<Helper>> Helper::start(HelperOptions options) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGIO, SIG_IGN);  // of leases (look_at_file)
    auto host = Host::set_up(options.config);
    if (!host)
        return std::unexpected(host.error());
    std::unique_ptr<Helper> helper(new Helper(std::move(options), std::move(*host)));
    if (auto opened = helper->open(); !opened)
        return std::unexpected(opened.error());
    return helper;
}

Helper::Helper(HelperOptions options, std::unique_ptr<Host> host)
    : options_(std::move(options)),
      host_(std::move(host)),
      signals_(loop_, SIGTERM, SIGINT, SIGHUP),
      reloading_(loop_) {
    signals_.add(kUndoAndEnd);
    about_.version = options_.version;
    about_.process = ::getpid();
    about_.started = api::Clock::now();
    about_.last_reload.at = about_.started;
    if (!options_.config_file.empty())
        about_.config_file = std::filesystem::absolute(options_.config_file);
}

/// No thread runs any more when coroutines are destroyed, and all that they refer to still exists. Those of
/// the servers wait for the loop's, not the other way round.
Helper::~Helper() {
    servers_.stop();
    files_.stop();
    files_.join();
    loop_.discard();
    files_.discard();
    servers_.discard();
    ::unlink(api::control_socket(options_.config.runtime_dir).c_str());
}

Result<void> Helper::open() {
    auto peers = Peers::create(loop_, *host_);
    if (!peers)
        return std::unexpected(peers.error());
    peers_ = std::move(*peers);
    const auto& config = host_->config();
    if (auto opened = servers_.open({control_routes(port()), public_routes(port())},
                                    api::control_socket(config.runtime_dir), {}, config.http);
        !opened)
        return opened;
    if (options_.config_file.empty())
        return {};
    auto file = FileWatch::create(loop_, files_, options_.config_file, options_.read_state,
                                  [this] { spawn(loop_, reload_if_changed()); });
    if (!file)
        return std::unexpected(file.error());
    file_ = std::move(*file);
    return {};
}

Result<void> Helper::run() {
    wait_for_signal();
    spawn(loop_, heartbeat_.keep_beating(loop_));
    spawn(loop_, keep_repairing());
    servers_.start();
    sd_notify(0, "READY=1");
    loop_.run();
    sd_notify(0, "STOPPING=1");
    tell_counts(*host_);
    return options_.detach_on_exit || undo_ ? host_->undo() : Result<void>{};
}

void Helper::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error)
            return;
        if (signal != SIGHUP)
            return end(signal);
        spawn(loop_, reload({.uid = {}, .cause = "SIGHUP"}));
        wait_for_signal();
    });
}

void Helper::end(int signal) {
    undo_ = signal == kUndoAndEnd;
    loop_.stop();
}

asio::awaitable<void> Helper::keep_repairing() {
    asio::steady_timer timer(loop_);
    for (;;) {
        host_->repair();
        peers_->repair();
        const auto reopened = co_await servers_.repair();
        if (!reopened)
            spdlog::error("{}", reopened.error().message);
        else if (*reopened)
            spdlog::warn("the control socket in {} had gone; it is there again", host_->config().runtime_dir);
        timer.expires_after(kRepairInterval);
        co_await wait(timer);
    }
}

asio::awaitable<std::vector<std::string>> Helper::reload(api::By by) {
    const auto turn = co_await reloading_.lock();
    if (options_.config_file.empty()) {
        std::vector<std::string> errors;
        errors.emplace_back("this backend was told all by its command line; there is no file to read again");
        spdlog::error("{}", errors.front());
        co_return errors;
    }
    auto loaded = co_await in_pool(files_, [this] { return read_settled(options_); });
    if (!loaded)
        loaded.emplace(std::unexpected(std::vector{fmt::format(
            "{}: some process is writing it; it is read when that closes it", options_.config_file)}));
    co_return co_await reload_to(std::move(*loaded), std::move(by));
}

/// A file that an order has read meanwhile, an unchanged one, and one that was refused already, are left
/// alone.
asio::awaitable<void> Helper::reload_if_changed() {
    const auto turn = co_await reloading_.lock();
    if (co_await in_pool(files_,
                         [this] { return look_at_file(options_.config_file) == options_.read_state; }))
        co_return;
    auto loaded = co_await in_pool(files_, [this] { return read_settled(options_); });
    if (!loaded) {
        file_->tell_again();
        co_return;
    }
    const auto errors = *loaded ? unchangeable(host_->config(), **loaded) : loaded->error();
    const auto& last = about_.last_reload;
    const bool known = errors.empty() ? last.ok && **loaded == host_->config() : errors == last.errors;
    if (!known) {
        api::By by{.uid = {}, .cause = "the changed file"};
        co_await reload_to(std::move(*loaded), std::move(by));
    }
}

/// The caller holds reloading_.
asio::awaitable<std::vector<std::string>> Helper::reload_to(LoadedHost loaded, api::By by) {
    std::vector<std::string> errors;
    try {
        errors = loaded ? unchangeable(host_->config(), *loaded) : loaded.error();
        if (errors.empty())
            errors = co_await change_to(*loaded);
    } catch (const std::exception& error) {
        errors = {fmt::format("reload {}: {}", options_.config_file, error.what())};
    }
    about_.last_reload = {.at = api::Clock::now(), .ok = errors.empty(), .errors = errors};
    ++(errors.empty() ? about_.reloads : about_.refused_reloads);
    snapshot_ = nullptr;
    for (const auto& error : errors)
        spdlog::error("{}", error);
    if (errors.empty())
        spdlog::info("{}: reloaded, by {}", options_.config_file, by.text());
    else
        spdlog::error("{}: refused; the running configuration goes on (asked by {})", options_.config_file,
                      by.text());
    co_return errors;
}

asio::awaitable<std::vector<std::string>> Helper::change_to(const config::BackendHost& next) {
    const auto former_http = host_->config().http;
    if (auto changed = co_await servers_.change_http(next.http); !changed)
        co_return std::vector{changed.error().message};
    auto done = host_->change_to(next);
    if (done) {
        peers_->follow();
        co_return std::vector<std::string>{};
    }
    std::vector<std::string> errors{done.error().message};
    if (auto back = co_await servers_.change_http(former_http); !back)
        errors.push_back(back.error().message);
    co_return errors;
}

std::shared_ptr<const Snapshot> Helper::snapshot() {
    const auto now = std::chrono::steady_clock::now();
    if (snapshot_ && now - snapshot_made_ < kSnapshotAge)
        return snapshot_;
    auto made = std::make_shared<Snapshot>();
    made->at = api::Clock::now();
    made->helper = about_;
    made->helper->usage = process_usage();
    for (const auto& interface : host_->interfaces())
        made->interfaces.push_back({interface.name, interface.attached, interface.device, {}});
    api::look_at_links(made->interfaces);
    const auto& config = host_->config();
    const auto missing = host_->missing_vips();
    for (const auto& vip : config.vips) {
        const bool is_known = config.addresses || vip.is_address();
        const bool is_missing = std::ranges::find(missing, vip) != missing.end();
        made->vips.push_back({vip, is_known ? std::optional(!is_missing) : std::nullopt});
    }
    made->balancers = config.balancers;
    made->degraded = host_->troubles();
    for (const auto& vip : missing)
        made->degraded.push_back(
            fmt::format("{} is not local: this host takes no packets for it", vip.text()));
    if (const auto counts = host_->counts())
        made->counts = *counts;
    else
        made->degraded.push_back(counts.error().message);
    snapshot_ = made;
    snapshot_made_ = now;
    return snapshot_;
}

/// Called on the servers' thread.
HelperPort Helper::port() {
    return {
        .stalled = [this] { return heartbeat_.stalled(); },
        .snapshot =
            [this] {
                return asio::co_spawn(
                    loop_,
                    [](Helper* helper) -> asio::awaitable<std::shared_ptr<const Snapshot>> {
                        co_return helper->snapshot();
                    }(this),
                    asio::use_awaitable);
            },
        .reload =
            [this](api::By by) { return asio::co_spawn(loop_, reload(std::move(by)), asio::use_awaitable); },
    };
}

}  // namespace guideway::backend
