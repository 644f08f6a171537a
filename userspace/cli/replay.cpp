// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/capture_file.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "control/replayer.hpp"
#include "datapath/privileges.hpp"
#include "datapath/verdict_names.hpp"

namespace guideway::cli {

namespace {
struct Options {
    std::string path;
    std::string in;
    std::string out;
    bool json = false;
};

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

void print_json(std::uint64_t index, const control::Outcome& outcome) {
    const auto backend = outcome.backend.transform([](const IpAddress& address) { return address.text(); });
    const Json line = {
        {"index", index},
        {"verdict", datapath::verdict_name(outcome.verdict)},
        {"action", datapath::verdict_action(outcome.verdict)},
        {"service", or_null(outcome.service)},
        {"backend", or_null(backend)},
        {"slot", or_null(outcome.slot)},
    };
    fmt::print("{}\n", line.dump());
}

void print(std::uint64_t index, const control::Outcome& outcome) {
    fmt::print("{:>8}  {:<4}  {:<22}  {:<20}  {:>7}  {}\n", index, datapath::verdict_action(outcome.verdict),
               datapath::verdict_name(outcome.verdict), outcome.service.value_or("-"),
               outcome.slot ? fmt::to_string(*outcome.slot) : "-",
               outcome.backend ? outcome.backend->text() : "-");
}

bool is_sent(const control::Outcome& outcome) {
    return outcome.verdict >= abi::VERDICT_FIRST_SENT && outcome.verdict < abi::VERDICT_FIRST_DROPPED;
}

/// No IP packet is longer; the kernel refuses to run the program on such a frame.
constexpr std::size_t kLongestFrame = 14 + 65535;

Result<void> replay(const control::Replayer& replayer, CaptureReader& in, CaptureWriter& out, bool json) {
    for (std::uint64_t index = 0;; ++index) {
        const auto captured = in.next();
        if (!captured)
            return {};
        auto outcome = replayer.run(captured->frame);
        if (!outcome && captured->frame.size() <= kLongestFrame)
            return fail("replay frame {}: {}", index, outcome.error().message);
        if (!outcome)
            outcome = control::Outcome{
                .verdict = abi::VERDICT_TOO_LONG, .service = {}, .backend = {}, .slot = {}, .frame = {}};
        if (json)
            print_json(index, *outcome);
        else
            print(index, *outcome);
        if (is_sent(*outcome))
            out.write(captured->time, outcome->frame);
    }
}

int run(const Options& options) {
    const auto config = load_configuration(options.path, Unbuilt::kIgnore);
    if (!config)
        return kRefused;
    std::error_code ignored;
    if (std::filesystem::equivalent(options.in, options.out, ignored))
        return refuse({fmt::format("replay {}: --out is the same file, which would be lost", options.in)});
    if (auto allowed = datapath::check_privileges(); !allowed)
        return refuse(allowed.error());
    auto in = CaptureReader::open(options.in);
    if (!in)
        return refuse(in.error());
    const auto replayer = control::Replayer::create(*config);
    if (!replayer)
        return refuse(replayer.error());
    auto out = CaptureWriter::create(options.out);
    if (!out)
        return refuse(out.error());
    if (auto done = replay(**replayer, *in, *out, options.json); !done)
        return refuse(done.error());
    if (auto closed = out->close(); !closed)
        return refuse(closed.error());
    if (!in->truncation().empty())
        fmt::print(stderr, "guideway: {}: {}; the frames before that were replayed\n", options.in,
                   in->truncation());
    return kDone;
}
}  // namespace

void add_replay(CLI::App& app, int& status) {
    auto* command =
        app.add_subcommand("replay", "Run captured frames through the real program, attached to nothing");
    auto options = std::make_shared<Options>();
    command->add_option("-c,--config", options->path, "configuration file")->required()->type_name("FILE");
    command->add_option("--in", options->in, "frames that arrive (pcap or pcapng, Ethernet)")
        ->required()
        ->type_name("a.pcap");
    command->add_option("--out", options->out, "frames that are sent")->required()->type_name("b.pcap");
    command->add_flag("--json", options->json, "one JSON object a frame");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
