// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string_view>

#include "health/check.hpp"
#include "health/probe_socket.hpp"
#include "util/file.hpp"

namespace guideway::health {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {
constexpr std::size_t kBodyRead = std::size_t{64} * 1024;
constexpr std::size_t kHeaderRead = std::size_t{16} * 1024;
constexpr std::size_t kChunk = 4096;

const char* name_of(config::Method method) {
    switch (method) {
        case config::Method::kHead:
            return "HEAD";
        case config::Method::kOptions:
            return "OPTIONS";
        case config::Method::kGet:
            break;
    }
    return "GET";
}

std::string host_of(const Way& way) {
    return fmt::format(fmt::runtime(way.address.is_v4() ? "{}:{}" : "[{}]:{}"), way.address.text(), way.port);
}

/// What is asked, and what is a good answer to it.
class Exchange {
  public:
    explicit Exchange(const config::Health& settings)
        : start_(fmt::format("{} {} HTTP/1.1\r\nUser-Agent: guideway\r\nConnection: close\r\nHost: ",
                             name_of(settings.method), settings.path)),
          host_(settings.host),
          head_(settings.method == config::Method::kHead),
          statuses_(settings.expect_status),
          body_(settings.expect_body) {
        if (statuses_.empty())
            statuses_.emplace_back();
    }

    [[nodiscard]] std::string request(const Way& way) const {
        return fmt::format("{}{}\r\n\r\n", start_, host_ ? *host_ : host_of(way));
    }

    [[nodiscard]] bool is_head() const { return head_; }
    [[nodiscard]] bool reads_body() const { return body_ && !head_; }

    [[nodiscard]] Outcome judge(const http::response<http::string_body>& answer) const {
        const unsigned status = answer.result_int();
        if (std::ranges::none_of(
                statuses_, [&](const auto& range) { return status >= range.low && status <= range.high; }))
            return Outcome::bad_answer(fmt::format("answered {}", status));
        if (reads_body() && answer.body().find(*body_) == std::string::npos)
            return Outcome::bad_answer(fmt::format("answered {} without the expected text", status));
        return Outcome::good();
    }

  private:
    std::string start_;
    std::optional<std::string> host_;
    bool head_;
    std::vector<config::StatusRange> statuses_;
    std::optional<std::string> body_;
};

/// Reads an answer from the bytes of a connection: interim answers (1xx, RFC 9110 section 15.2) come before
/// it, and its status line may lack the reason with the space before it, which the parser wants.
class AnswerReader {
  public:
    explicit AnswerReader(bool head) : head_(head) { begin(); }

    /// Room for more bytes; tell by take() how many came.
    [[nodiscard]] auto room() { return buffer_.prepare(kChunk); }
    [[nodiscard]] error_code take(std::size_t size) {
        buffer_.commit(size);
        error_code error;
        while (!error && buffer_.size() > 0 && (in_header_line_ ? repair_status_line() : true)) {
            const auto taken = parser_->put(buffer_.data(), error);
            buffer_.consume(taken);
            if (parser_->is_header_done() && is_interim())
                begin();
            else if (taken == 0 || parser_->is_done())
                break;
        }
        return error == http::error::need_more ? error_code{} : error;
    }

    [[nodiscard]] bool has_header() const { return parser_->is_header_done(); }
    [[nodiscard]] bool is_done() const { return parser_->is_done(); }
    [[nodiscard]] const http::response<http::string_body>& answer() const { return parser_->get(); }

  private:
    void begin() {
        parser_.emplace();
        parser_->header_limit(kHeaderRead);
        parser_->body_limit(boost::none);
        parser_->eager(true);
        parser_->skip(head_);
        in_header_line_ = true;
    }

    [[nodiscard]] bool is_interim() const {
        const unsigned status = parser_->get().result_int();
        return status >= 100 && status < 200 && status != kSwitchingProtocols;
    }

    /// False until the line is there; one that never ends is the parser's to refuse.
    [[nodiscard]] bool repair_status_line() {
        constexpr std::string_view kWithoutReason = "HTTP/1.1 200\r\n";
        const std::string_view bytes(static_cast<const char*>(buffer_.data().data()), buffer_.size());
        const auto end = bytes.find("\r\n");
        if (end == std::string_view::npos && bytes.size() < kHeaderRead)
            return false;
        in_header_line_ = false;
        if (end + 2 != kWithoutReason.size())
            return true;
        const std::string rest(bytes.substr(end));
        buffer_.prepare(1);
        buffer_.commit(1);
        auto* line = static_cast<char*>(buffer_.data().data());
        line[end] = ' ';
        std::ranges::copy(rest, line + end + 1);
        return true;
    }

    static constexpr unsigned kSwitchingProtocols = 101;
    bool head_;
    bool in_header_line_ = true;
    std::optional<http::response_parser<http::string_body>> parser_;
    boost::beast::flat_buffer buffer_{kHeaderRead + 2 * kChunk};
};

/// As much of the answer as it takes to judge it, however long it is.
template <typename Stream>
asio::awaitable<Outcome> exchange(Stream& stream, const Exchange& wanted, Attempt& attempt) {
    const std::string request = wanted.request(attempt.way);
    const auto [unsent, sent] =
        co_await asio::async_write(stream, asio::buffer(request), asio::as_tuple(asio::use_awaitable));
    if (unsent)
        co_return outcome_of(unsent, "send the request");
    attempt.awaited = "answer";

    AnswerReader reader(wanted.is_head());
    while (!reader.is_done()) {
        const bool enough = !wanted.reads_body() || reader.answer().body().size() >= kBodyRead;
        if (reader.has_header() && enough)
            break;
        const auto [unread, size] =
            co_await stream.async_read_some(reader.room(), asio::as_tuple(asio::use_awaitable));
        if (unread == asio::error::eof || unread == asio::ssl::error::stream_truncated) {
            if (!reader.has_header())
                co_return Outcome::bad_answer(
                    "closed the connection before the answer's header was complete");
            break;
        }
        if (unread)
            co_return outcome_of(unread, "receive the answer");
        if (const auto error = reader.take(size))
            co_return Outcome::bad_answer(fmt::format("answer: {}", error.message()));
    }
    co_return wanted.judge(reader.answer());
}

class HttpCheck : public Check {
  public:
    explicit HttpCheck(const config::Health& settings) : exchange_(settings) {}

    asio::awaitable<Outcome> probe(Attempt& attempt) const override {
        const Held held(attempt);
        auto socket = co_await connect_tcp(attempt);
        if (!socket)
            co_return socket.error();
        auto outcome = co_await exchange(*socket, exchange_, attempt);
        if (outcome.answered)
            part(attempt, std::move(*socket), Farewells::First::kPeer);
        co_return outcome;
    }

  private:
    Exchange exchange_;
};

/// Of `NAME:PORT`, `ADDRESS:PORT` or `[ADDRESS]:PORT`, each with or without a port.
std::string without_port(const std::string& host) {
    if (host.starts_with('['))
        return host.substr(1, host.find(']') - 1);
    const bool is_ipv6 = std::ranges::count(host, ':') > 1;
    return is_ipv6 ? host : host.substr(0, host.rfind(':'));
}

/// As ALPN has it on the wire: each name behind its length.
std::string alpn_list(const std::vector<std::string>& protocols) {
    std::string list;
    for (const auto& protocol : protocols)
        list += static_cast<char>(protocol.size()) + protocol;
    return list;
}

class HttpsCheck : public Check {
  public:
    HttpsCheck(const config::Health& settings, asio::ssl::context context)
        : exchange_(settings), context_(std::move(context)), verify_(settings.tls_verify) {
        if (settings.sni)
            name_ = *settings.sni;
        else if (settings.host)
            name_ = without_port(*settings.host);
        if (address_ = IpAddress::parse(name_); address_)
            name_.clear();
        alpn_ = alpn_list(settings.alpn);
    }

    asio::awaitable<Outcome> probe(Attempt& attempt) const override {
        const Held held(attempt);
        auto socket = co_await connect_tcp(attempt);
        if (!socket)
            co_return socket.error();
        asio::ssl::stream<asio::ip::tcp::socket> stream(std::move(*socket), context_);
        if (!prepare(stream.native_handle(), attempt.way))
            co_return Outcome::not_tried("TLS: out of memory");
        attempt.awaited = "TLS handshake";
        const auto [failed] = co_await stream.async_handshake(asio::ssl::stream_base::client,
                                                              asio::as_tuple(asio::use_awaitable));
        if (const long verified = SSL_get_verify_result(stream.native_handle());
            verify_ && verified != X509_V_OK)
            co_return Outcome::bad_answer(
                fmt::format("certificate: {}", X509_verify_cert_error_string(verified)));
        if (failed)
            co_return outcome_of(failed, "TLS handshake");
        auto outcome = co_await exchange(stream, exchange_, attempt);
        if (outcome.answered)
            part(attempt, std::move(stream), Farewells::First::kPeer);
        co_return outcome;
    }

  private:
    [[nodiscard]] bool prepare(SSL* ssl, const Way& way) const {
        if (!name_.empty() && SSL_set_tlsext_host_name(ssl, name_.c_str()) != 1)
            return false;
        if (verify_ && !expect_subject(ssl, way))
            return false;
        return alpn_.empty() || SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn_.data()),
                                                    static_cast<unsigned>(alpn_.size())) == 0;
    }

    /// Whom the certificate must be for: the name, or the address in its place; without either the probed
    /// one. A chain of trust alone is anybody's.
    [[nodiscard]] bool expect_subject(SSL* ssl, const Way& way) const {
        if (!name_.empty())
            return SSL_set1_host(ssl, name_.c_str()) == 1;
        const IpAddress& address = address_ ? *address_ : way.address;
        return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), address.wire(), address.wire_size()) == 1;
    }

    Exchange exchange_;
    mutable asio::ssl::context context_;
    bool verify_;
    std::string name_;
    std::optional<IpAddress> address_;  ///< in the place of a name
    std::string alpn_;
};
}  // namespace

std::shared_ptr<const Check> make_http_check(const config::Health& settings) {
    return std::make_shared<HttpCheck>(settings);
}

Result<std::shared_ptr<const Check>> make_https_check(const config::Health& settings) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    error_code error;
    if (settings.tls_verify) {
        if (settings.ca_file) {
            const auto authorities = read_file(*settings.ca_file);  // OpenSSL would wait for a FIFO
            if (!authorities)
                return std::unexpected(authorities.error());
            context.add_certificate_authority(asio::buffer(*authorities), error);
        } else {
            context.set_default_verify_paths(error);
        }
        if (error)
            return fail("read certificates from {}: {}", settings.ca_file.value_or("the system's directory"),
                        error.message());
        context.set_verify_mode(asio::ssl::verify_peer, error);
    }
    return std::make_shared<HttpsCheck>(settings, std::move(context));
}

}  // namespace guideway::health
