// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "health/check.hpp"
#include "health/probe_socket.hpp"

namespace guideway::health {

namespace asio = boost::asio;

namespace {
class UdpCheck : public Check {
  public:
    explicit UdpCheck(const config::Health& settings)
        : request_(settings.send.value_or("")), wanted_(settings.expect.value_or("")) {}

    asio::awaitable<Outcome> probe(Attempt& attempt) const override {
        const asio::ip::udp::endpoint endpoint(asio_address(attempt.way.address), attempt.way.port);
        asio::ip::udp::socket socket(co_await asio::this_coro::executor);
        boost::system::error_code error;
        socket.open(endpoint.protocol(), error);
        if (error)
            co_return not_sent(error, "open a socket");
        if (error = mark_socket(socket.native_handle(), attempt.way); error)
            co_return not_sent(error, "set up a socket");
        socket.connect(endpoint, error);
        if (error)
            co_return not_sent(error, "connect");
        socket.send(asio::buffer(request_), 0, error);
        if (error)
            co_return not_sent(error, "send");
        attempt.awaited = "answer";
        std::array<char, 1024> answer;
        const auto [failed, size] =
            co_await socket.async_receive(asio::buffer(answer), asio::as_tuple(asio::use_awaitable));
        if (failed)
            co_return outcome_of(failed, "receive");
        if (!std::string_view(answer.data(), size).starts_with(wanted_))
            co_return Outcome::bad_answer("the answer does not begin as expected");
        co_return Outcome::good();
    }

  private:
    std::string request_;
    std::string wanted_;
};
}  // namespace

std::shared_ptr<const Check> make_udp_check(const config::Health& settings) {
    return std::make_shared<UdpCheck>(settings);
}

}  // namespace guideway::health
