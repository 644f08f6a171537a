// SPDX-License-Identifier: Apache-2.0
#include "api/control_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/none.hpp>

namespace guideway::api {

namespace http = boost::beast::http;

std::string control_socket(const std::string& runtime_dir) {
    return runtime_dir + "/control.sock";
}

Result<ControlReply> ask_agent(const std::string& runtime_dir, const std::string& method,
                               const std::string& path) {
    using Unix = boost::asio::local::stream_protocol;
    const std::string name = control_socket(runtime_dir);
    if (name.size() >= sizeof(sockaddr_un::sun_path))
        return fail("ask the agent at {}: the path is too long for a socket", name);
    boost::asio::io_context loop;
    Unix::socket socket(loop);
    boost::system::error_code error;
    socket.connect(Unix::endpoint(name), error);
    if (error)
        return fail("ask the agent at {}: {}; is it running, and is --runtime-dir its own?", name,
                    error.message());

    http::request<http::empty_body> request(http::string_to_verb(method), path, 11);
    request.set(http::field::host, "guideway");
    request.keep_alive(false);
    http::write(socket, request, error);
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    if (!error)
        http::read(socket, buffer, parser, error);
    if (error)
        return fail("ask the agent at {}: {}", name, error.message());
    return ControlReply{parser.get().result_int(), std::move(parser.get().body())};
}

}  // namespace guideway::api
