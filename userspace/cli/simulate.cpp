// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "maglev/simulation/scenario.hpp"

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;
namespace simulation = maglev::simulation;

struct Options {
    std::uint32_t backends = 1000;
    std::vector<std::uint32_t> table_sizes{65537, 655373};
    std::vector<std::uint32_t> failures{1, 10, 100};
    std::vector<std::string> algorithms;
    std::uint64_t seed = 1;
    bool csv = false;
    bool json = false;
};

struct Trial {
    simulation::Scenario scenario;
    simulation::Outcome outcome;
};

/// A bar on stderr, if that is a terminal.
class ProgressBar {
  public:
    explicit ProgressBar(std::size_t trials) : trials_(trials), shown_(::isatty(STDERR_FILENO) != 0) {}
    ~ProgressBar() {
        if (shown_)
            fmt::print(stderr, "\r{:{}}\r", "", kWidth + 8);
    }

    void show(std::size_t finished, double of_next) const {
        if (!shown_)
            return;
        const double done = (static_cast<double>(finished) + of_next) / static_cast<double>(trials_);
        const auto filled = static_cast<std::size_t>(done * kWidth);
        fmt::print(stderr, "\r[{:<{}}] {:>3.0f}%", std::string(filled, '#'), kWidth, 100 * done);
        std::fflush(stderr);
    }

  private:
    static constexpr std::size_t kWidth = 50;
    std::size_t trials_;
    bool shown_;
};

Result<std::vector<simulation::Algorithm>> algorithms_in(const Options& options) {
    std::vector<simulation::Algorithm> algorithms;
    for (const auto& name : options.algorithms) {
        const auto algorithm = simulation::algorithm_named(name);
        if (!algorithm)
            return fail(
                "simulate {}: no such algorithm; there are format1, maglev, rendezvous, ring, jump and "
                "modulo",
                name);
        algorithms.push_back(*algorithm);
    }
    if (algorithms.empty())
        algorithms.assign(simulation::kAlgorithms.begin(), simulation::kAlgorithms.end());
    return algorithms;
}

Result<std::vector<Trial>> run_trials(const Options& options,
                                      const std::vector<simulation::Algorithm>& algorithms) {
    std::vector<simulation::Scenario> scenarios;
    for (const auto size : options.table_sizes) {
        for (const auto algorithm : algorithms) {
            for (const auto failures : options.failures)
                scenarios.push_back({algorithm, options.backends, size, failures, options.seed});
        }
    }
    const ProgressBar bar(scenarios.size());
    std::vector<Trial> trials;
    for (const auto& scenario : scenarios) {
        auto outcome = simulation::simulate(scenario, [&](double done) { bar.show(trials.size(), done); });
        if (!outcome)
            return std::unexpected(outcome.error());
        trials.push_back({scenario, *outcome});
    }
    return trials;
}

void print_table(const std::vector<Trial>& trials) {
    fmt::print("{:<10} {:>7} {:>9} {:>8} {:>10} {:>10} {:>9} {:>12}\n", "algorithm", "M", "backends",
               "failures", "most load", "then", "moved", "needlessly");
    for (const auto& [scenario, outcome] : trials)
        fmt::print("{:<10} {:>7} {:>9} {:>8} {:>9.2f}% {:>9.2f}% {:>8.2f}% {:>11.3f}%\n",
                   simulation::name_of(scenario.algorithm), scenario.keys, scenario.backends,
                   scenario.failures, 100 * outcome.before.most, 100 * outcome.after.most,
                   100 * outcome.moved, 100 * outcome.moved_needlessly);
    fmt::print(
        "\nmost load: of the busiest backend, in percent of the average, before and after the failures\n"
        "moved: keys whose backend changed; needlessly: of the keys of backends that did not fail\n");
}

void print_csv(const std::vector<Trial>& trials) {
    fmt::print(
        "algorithm,table_size,backends,failures,most_before,least_before,most_after,least_after,moved,moved_"
        "needlessly\n");
    for (const auto& [scenario, outcome] : trials)
        fmt::print("{},{},{},{},{},{},{},{},{},{}\n", simulation::name_of(scenario.algorithm), scenario.keys,
                   scenario.backends, scenario.failures, outcome.before.most, outcome.before.least,
                   outcome.after.most, outcome.after.least, outcome.moved, outcome.moved_needlessly);
}

void print_json(const std::vector<Trial>& trials) {
    Json list = Json::array();
    for (const auto& [scenario, outcome] : trials)
        list.push_back({{"algorithm", simulation::name_of(scenario.algorithm)},
                        {"table_size", scenario.keys},
                        {"backends", scenario.backends},
                        {"failures", scenario.failures},
                        {"most_before", outcome.before.most},
                        {"least_before", outcome.before.least},
                        {"most_after", outcome.after.most},
                        {"least_after", outcome.after.least},
                        {"moved", outcome.moved},
                        {"moved_needlessly", outcome.moved_needlessly}});
    fmt::print("{}\n", Json{{"seed", trials.front().scenario.seed}, {"trials", std::move(list)}}.dump(2));
}

int run(const Options& options) {
    const auto algorithms = algorithms_in(options);
    if (!algorithms)
        misused(algorithms.error().message);
    const auto trials = run_trials(options, *algorithms);
    if (!trials)
        return refuse(trials.error());
    if (options.json)
        print_json(*trials);
    else if (options.csv)
        print_csv(*trials);
    else
        print_table(*trials);
    return kDone;
}
}  // namespace

void add_simulate(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "simulate", "Compare ways of placing flows, as the Maglev paper does (section 5.3)");
    auto options = std::make_shared<Options>();
    command->add_option("--backends", options->backends, "of equal weight")
        ->type_name("N")
        ->capture_default_str();
    command
        ->add_option("--table-size", options->table_sizes, "slots, and keys for the other algorithms; primes")
        ->delimiter(',')
        ->type_name("M")
        ->capture_default_str();
    command->add_option("--failures", options->failures, "backends that fail at once")
        ->delimiter(',')
        ->type_name("K")
        ->capture_default_str();
    command
        ->add_option("--algorithm", options->algorithms,
                     "only these: format1, maglev, rendezvous, ring, jump, modulo")
        ->delimiter(',')
        ->type_name("NAME");
    command->add_option("--seed", options->seed, "of addresses, keys and failures")
        ->type_name("S")
        ->capture_default_str();
    auto* csv = command->add_flag("--csv", options->csv, "as CSV");
    command->add_flag("--json", options->json, "as JSON")->excludes(csv);
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
