// SPDX-License-Identifier: Apache-2.0
#include "health/check.hpp"
#include "health/probe_socket.hpp"

namespace guideway::health {

namespace {
class TcpCheck : public Check {
  public:
    boost::asio::awaitable<Outcome> probe(Attempt& attempt) const override {
        const Held held(attempt);
        auto socket = co_await connect_tcp(attempt);
        if (!socket)
            co_return socket.error();
        part(attempt, std::move(*socket), Farewells::First::kThisHost);
        co_return Outcome::good();
    }
};
}  // namespace

std::shared_ptr<const Check> make_tcp_check() {
    return std::make_shared<TcpCheck>();
}

Result<std::shared_ptr<const Check>> make_check(const config::Health& settings) {
    switch (settings.check) {
        case config::Check::kTcp:
            return make_tcp_check();
        case config::Check::kHttp:
            return make_http_check(settings);
        case config::Check::kHttps:
            return make_https_check(settings);
        case config::Check::kUdp:
            return make_udp_check(settings);
        case config::Check::kIcmp:
            return make_icmp_check();
    }
    return fail("probe: unknown kind of check");
}

}  // namespace guideway::health
