// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/control_client.hpp"
#include "cli/commands.hpp"
#include "datapath/verdict_names.hpp"

/// What shells ask for when somebody presses Tab: which words may stand where the last one is. It is read
/// from the commands' own definitions, and from the running agent.
namespace guideway::cli {

namespace {
using Words = std::vector<std::string>;

/// Where a word is to be completed.
struct Place {
    const CLI::App* command = nullptr;
    const CLI::Option* value_of = nullptr;  ///< an option whose value it is, or a positional one
    std::string runtime_dir = kDefaultRuntimeDir;
    std::string service;  ///< if an earlier word names one
};

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& command) {
    return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<const CLI::App*> subcommands_of(const CLI::App& command) {
    return command.get_subcommands([](const CLI::App*) { return true; });
}

const CLI::App* subcommand(const CLI::App& command, const std::string& name) {
    const auto all = subcommands_of(command);
    const auto found = std::ranges::find(all, name, &CLI::App::get_name);
    return found == all.end() ? nullptr : *found;
}

/// Follows the words before the last one.
Place place_of(const CLI::App& app, const Words& words) {
    Place place;
    place.command = &app;
    std::size_t positionals = 0;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const auto& word = words[i];
        if (place.value_of != nullptr) {
            if (place.value_of->check_name("--runtime-dir"))
                place.runtime_dir = word;
            if (place.value_of->check_name("--service"))
                place.service = word;
            place.value_of = nullptr;
        } else if (word.starts_with('-')) {
            const auto* option = place.command->get_option_no_throw(word);
            place.value_of = option != nullptr && takes_value(*option) ? option : nullptr;
        } else if (const auto* command = subcommand(*place.command, word)) {
            place.command = command;
        } else {
            ++positionals;
        }
    }
    if (place.value_of != nullptr || words.back().starts_with('-'))
        return place;
    if (const auto taken = positionals_of(*place.command); !taken.empty())
        place.value_of = positionals < taken.size()                   ? taken[positionals]
                         : taken.back()->get_items_expected_max() > 1 ? taken.back()
                                                                      : nullptr;
    return place;
}

/// Prints those that begin as the word does, each once, with a tab before what it is.
class Candidates {
  public:
    explicit Candidates(std::string_view begun) : begun_(begun) {}

    void add(const std::string& word, std::string_view what) {
        if (!word.empty() && word.starts_with(begun_) && told_.insert(word).second)
            fmt::print("{}\t{}\n", word, what);
    }

  private:
    std::string_view begun_;
    std::set<std::string> told_;
};

/// `services`, or `backends`, of the agent; without one there are none.
void add_names(const Place& place, bool backends, Candidates& candidates) {
    const auto status = api::ask_agent_json(place.runtime_dir, "GET", "/status");
    if (!status)
        return;
    for (const auto& service : status->at("services")) {
        const auto name = service.at("name").get<std::string>();
        if (!backends)
            candidates.add(name, "service");
        else if (place.service.empty() || place.service == name)
            for (const auto& backend : service.at("backends"))
                candidates.add(backend.at("name").get<std::string>(),
                               fmt::format("{} of {}", backend.at("address").get<std::string>(), name));
    }
}

/// The words of `{error,warning,info}`, as IsMember describes itself in an option's type.
void add_members(const std::string& type, Candidates& candidates) {
    const auto begin = type.find('{');
    if (begin == std::string::npos || type.back() != '}')
        return;
    for (const auto& member : CLI::detail::split(type.substr(begin + 1, type.size() - begin - 2), ','))
        candidates.add(member, "");
}

void add_values(const Place& place, Candidates& candidates) {
    const auto& option = *place.value_of;
    const auto type = option.get_type_name();
    if (option.check_name("--service"))
        add_names(place, false, candidates);
    else if (option.check_name("BACKEND") || option.check_name("--backend") || option.check_name("--down"))
        add_names(place, true, candidates);
    else if (option.check_name("verdict"))
        for (const auto& verdict : datapath::verdict_names())
            candidates.add(std::string(verdict.name), datapath::verdict_action(verdict.verdict));
    else if (type.starts_with("FILE"))
        fmt::print(":file\n");
    else if (type == "D")
        fmt::print(":directory\n");
    else
        add_members(type, candidates);
}

int run(const CLI::App& app, Words words) {
    if (words.empty())
        words.emplace_back();
    const auto place = place_of(app, words);
    Candidates candidates(words.back());
    if (place.value_of != nullptr) {
        add_values(place, candidates);
        return kDone;
    }
    if (words.back().starts_with('-')) {
        for (const auto* option : place.command->get_options())
            for (const auto& name : option->get_lnames())
                candidates.add("--" + name, option->get_description());
        for (const auto* option : place.command->get_options())
            for (const auto& name : option->get_snames())
                candidates.add("-" + name, option->get_description());
        return kDone;
    }
    for (const auto* command : subcommands_of(*place.command))
        if (!command->get_group().empty())
            candidates.add(command->get_name(), command->get_description());
    return kDone;
}
}  // namespace

void add_complete(CLI::App& app, int& status) {
    const auto words = std::make_shared<Words>();
    auto* command = app.add_subcommand("complete", "Print how a command line may go on, for shells");
    command->group("");  // not in --help
    command->add_option("WORDS", *words, "after `--`: the words after `guideway`, up to the one to complete");
    command->callback([&app, words, &status] { status = run(app, *words); });
}

}  // namespace guideway::cli
