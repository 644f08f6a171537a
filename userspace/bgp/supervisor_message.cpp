// SPDX-License-Identifier: Apache-2.0
#include "bgp/supervisor_message.hpp"

#include <nlohmann/json.hpp>

namespace guideway::bgp {

using Json = nlohmann::json;

namespace {
template <typename... Visitors>
struct Overloaded : Visitors... {
    using Visitors::operator()...;
};

/// Thrown within this file alone.
struct NoMessage {
    std::string why;
};

IpAddress address_in(const std::string& text) {
    const auto address = IpAddress::parse(text);
    if (!address)
        throw NoMessage{"no address: " + text};
    return *address;
}

Json texts_of(const std::vector<IpAddress>& addresses) {
    Json texts = Json::array();
    for (const auto& address : addresses)
        texts.push_back(address.text());
    return texts;
}

std::vector<IpAddress> addresses_in(const Json& texts) {
    std::vector<IpAddress> addresses;
    for (const auto& text : texts)
        addresses.push_back(address_in(text.get<std::string>()));
    return addresses;
}

Json texts_of(const Neighbors& neighbors) {
    Json texts = Json::object();
    for (const auto& [address, text] : neighbors)
        texts[address.text()] = text;
    return texts;
}

Neighbors neighbors_in(const Json& texts) {
    Neighbors neighbors;
    for (const auto& [address, text] : texts.items())
        neighbors[address_in(address)] = text.get<std::string>();
    return neighbors;
}

std::chrono::milliseconds milliseconds_in(const Json& number) {
    return std::chrono::milliseconds(number.get<std::int64_t>());
}

Json json_of(const Process& process) {
    return {{"id", process.id}, {"user", process.user}};
}

Process process_in(const Json& json) {
    return {json.at("id").get<pid_t>(), json.at("user").get<uid_t>()};
}

std::string line_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Command command_in(const Json& json) {
    Command command;
    command.kind = static_cast<Command::Kind>(json.at("kind").get<int>());
    command.text = json.at("text").get<std::string>();
    command.peers = addresses_in(json.at("peers"));
    if (command.is_route())
        command.vip = address_in(json.at("vip").get<std::string>());
    return command;
}

Json json_of(const Command& command) {
    Json json{{"say", {{"kind", static_cast<int>(command.kind)}, {"text", command.text}}}};
    json["say"]["peers"] = texts_of(command.peers);
    if (command.is_route())
        json["say"]["vip"] = command.vip.text();
    return json;
}

FromAgent from_agent(const std::string& type, const Json& content) {
    if (type == "beat")
        return Beat{content.get<bool>()};
    if (type == "terms")
        return Terms{milliseconds_in(content.at("hold_ms")),
                     content.at("links").get<std::vector<std::string>>()};
    if (type == "configure")
        return Configure{neighbors_in(content)};
    if (type == "say")
        return command_in(content);
    throw NoMessage{"unknown type " + type};
}

FromSupervisor from_supervisor(const std::string& type, const Json& content) {
    if (type == "held")
        return Held{address_in(content.at("peer").get<std::string>()), addresses_in(content.at("vips"))};
    if (type == "hello")
        return Hello{.protocol = content.at("protocol").get<unsigned>(),
                     .program = content.at("program").get<std::string>(),
                     .started = content.at("started").get<bool>(),
                     .process = process_in(content.at("process")),
                     .neighbors = neighbors_in(content.at("neighbors")),
                     .alone = milliseconds_in(content.at("alone_ms"))};
    if (type == "started")
        return Started{process_in(content)};
    if (type == "configured")
        return Configured{content.get<std::string>()};
    if (type == "hearing")
        return Hearing{content.get<bool>()};
    if (type == "heard")
        return Heard{content.get<std::string>()};
    if (type == "ended")
        return Ended{content.get<std::string>()};
    throw NoMessage{"unknown type " + type};
}

/// A message is an object of one key, its type.
template <typename Message>
Result<Message> read(std::string_view line, Message (*make)(const std::string&, const Json&)) {
    const auto json = Json::parse(line, nullptr, false);
    if (!json.is_object() || json.size() != 1)
        return fail("read a message about exabgp: it is not one JSON object of one key");
    try {
        return make(json.begin().key(), json.begin().value());
    } catch (const NoMessage& error) {
        return fail("read a message about exabgp: {}", error.why);
    } catch (const Json::exception& error) {
        return fail("read a message about exabgp: {}", error.what());
    }
}
}  // namespace

std::string to_line(const FromAgent& message) {
    return line_of(std::visit(
        Overloaded{
            [](const Beat& beat) { return Json{{"beat", beat.complete}}; },
            [](const Terms& terms) {
                return Json{{"terms", {{"hold_ms", terms.hold.count()}, {"links", terms.links}}}};
            },
            [](const Configure& configure) { return Json{{"configure", texts_of(configure.neighbors)}}; },
            [](const Command& command) { return json_of(command); },
        },
        message));
}

std::string to_line(const FromSupervisor& message) {
    return line_of(
        std::visit(Overloaded{
                       [](const Held& held) {
                           return Json{{"held", {{"peer", held.peer.text()}, {"vips", texts_of(held.vips)}}}};
                       },
                       [](const Hello& hello) {
                           return Json{{"hello",
                                        {{"protocol", hello.protocol},
                                         {"program", hello.program},
                                         {"started", hello.started},
                                         {"process", json_of(hello.process)},
                                         {"neighbors", texts_of(hello.neighbors)},
                                         {"alone_ms", hello.alone.count()}}}};
                       },
                       [](const Started& started) { return Json{{"started", json_of(started.process)}}; },
                       [](const Configured& configured) { return Json{{"configured", configured.error}}; },
                       [](const Hearing& hearing) { return Json{{"hearing", hearing.hears}}; },
                       [](const Heard& heard) { return Json{{"heard", heard.line}}; },
                       [](const Ended& ended) { return Json{{"ended", ended.reason}}; },
                   },
                   message));
}

Result<FromAgent> read_from_agent(std::string_view line) {
    return read<FromAgent>(line, from_agent);
}

Result<FromSupervisor> read_from_supervisor(std::string_view line) {
    return read<FromSupervisor>(line, from_supervisor);
}

}  // namespace guideway::bgp
