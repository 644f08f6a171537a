// SPDX-License-Identifier: Apache-2.0
#include "api/control_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/none.hpp>
#include <chrono>

namespace guideway::api {

namespace http = boost::beast::http;

namespace {
/// A reload of a large configuration takes seconds.
constexpr std::chrono::seconds kPatience{60};
}  // namespace

std::string control_socket(const std::string& runtime_dir) {
    return runtime_dir + "/control.sock";
}

Result<ControlReply> ask_agent(const std::string& runtime_dir, const std::string& method,
                               const std::string& path, const std::string& body) {
    using Unix = boost::asio::local::stream_protocol;
    const std::string name = control_socket(runtime_dir);
    if (name.size() >= sizeof(sockaddr_un::sun_path))
        return fail("ask the agent at {}: the path is too long for a socket", name);
    boost::asio::io_context loop;
    boost::beast::basic_stream<Unix> stream(loop);
    stream.expires_after(kPatience);
    http::request<http::string_body> request(http::string_to_verb(method), path, 11, body);
    request.set(http::field::host, "guideway");
    request.keep_alive(false);
    request.prepare_payload();
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);

    boost::system::error_code outcome;
    const auto done = [&](const boost::system::error_code& error, std::size_t) { outcome = error; };
    const auto written = [&](const boost::system::error_code& error, std::size_t size) {
        if (error)
            done(error, size);
        else
            http::async_read(stream, buffer, parser, done);
    };
    stream.async_connect(Unix::endpoint(name), [&](const boost::system::error_code& error) {
        if (error)
            done(error, 0);
        else
            http::async_write(stream, request, written);
    });
    loop.run();
    if (outcome)
        return fail("ask the agent at {}: {}; is it running, and is --runtime-dir its own?", name,
                    outcome.message());
    return ControlReply{parser.get().result_int(), std::move(parser.get().body())};
}

Result<nlohmann::ordered_json> ask_agent_json(const std::string& runtime_dir, const std::string& method,
                                              const std::string& path, const std::string& body) {
    const auto reply = ask_agent(runtime_dir, method, path, body);
    if (!reply)
        return std::unexpected(reply.error());
    auto json = nlohmann::ordered_json::parse(reply->body, nullptr, false);
    if (json.is_discarded())
        return fail("ask the agent: {}", reply->body);
    return json;
}

}  // namespace guideway::api
