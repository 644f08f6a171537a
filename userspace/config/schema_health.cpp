// SPDX-License-Identifier: Apache-2.0
#include "config/schema.hpp"
#include "config/values.hpp"

namespace guideway::config {

namespace {

using enum Presence;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLongest = hours(24);

}  // namespace

template <>
const Keys<Health>& keys_of() {
    static const Keys<Health> keys{
        {"check",
         choice<Health, Check, Check>(&Health::check, {{"tcp", Check::kTcp},
                                                       {"http", Check::kHttp},
                                                       {"https", Check::kHttps},
                                                       {"udp", Check::kUdp},
                                                       {"icmp", Check::kIcmp}}),
         kDefault, "tcp", "what a probe does"},
        {"method",
         choice<Health, Method, Method>(
             &Health::method,
             {{"GET", Method::kGet}, {"HEAD", Method::kHead}, {"OPTIONS", Method::kOptions}}),
         kOptional, "GET", "how an http or https probe asks; without it: GET"},
        {"path", scalar(&Health::path, "URL path", read_url_path), kOptional, "/",
         "what an http or https probe asks for; without it: /"},
        {"host", scalar(&Health::host, "text", read_host_name), kOptional, "www.example.com",
         "the Host that an http or https probe names; without it: the probed address"},
        {"expect_status", list(&Health::expect_status, "status codes", read_status_range), kOptional,
         "[200, 300-399]", "the status codes of a good answer, single or from-to; without it: 200-299"},
        {"expect_body", scalar(&Health::expect_body, "text", read_bytes), kOptional, "ready",
         "text that stands in the first 64 KiB of a good answer's body; without it: the body is not read"},
        {"tls_verify", boolean(&Health::tls_verify), kOptional, "false",
         "whether an https probe verifies the certificate; the name or address in it must be that of sni or "
         "host; without it: false"},
        {"ca_file", scalar(&Health::ca_file, "absolute path", read_absolute_path), kOptional,
         "/etc/ssl/certs/ca-certificates.crt",
         "the authorities that certificates are verified by, in PEM; without it: the system's"},
        {"sni", scalar(&Health::sni, "text", read_host_name), kOptional, "www.example.com",
         "the name that an https probe asks a certificate of; without it: host, if that is a name"},
        {"alpn", list(&Health::alpn, "protocol names", read_alpn), kOptional, "[]",
         "the protocols that an https probe offers, such as http/1.1; without it: none"},
        {"send", scalar(&Health::send, "text", read_bytes), kOptional, "'\\x00\\x01ping\\r\\n'",
         "what a udp probe sends; \\xNN, \\r, \\n, \\t and \\\\ stand for bytes; without it: an empty "
         "datagram"},
        {"expect", scalar(&Health::expect, "text", read_bytes), kOptional, "pong",
         "what the answer to a udp probe begins with, written as for send; without it: any answer is good"},
        {"port", integer(&Health::port, 1, 65535), kOptional, "80",
         "the port that is probed; without it: the first listener's"},
        {"via", choice<Health, Via, Via>(&Health::via, {{"tunnel", Via::kTunnel}, {"direct", Via::kDirect}}),
         kDefault, "tunnel",
         "the probe's way: wrapped like traffic to the VIP, or plain to the backend's address"},
        {"interval", duration(&Health::interval, milliseconds(100), kLongest), kDefault, "1s",
         "time from one probe to the next"},
        {"timeout", duration(&Health::timeout, milliseconds(10), kLongest), kDefault, "500ms",
         "how long a probe may take; at most the interval"},
        {"rise", integer(&Health::rise, 1, 100), kDefault, "3",
         "good probes in a row that make a backend healthy"},
        {"fall", integer(&Health::fall, 1, 100), kDefault, "2",
         "bad probes in a row that make a backend unhealthy"},
        {"damping", section(&Health::damping), kOptional, "",
         "how a backend that keeps going up and down is held down"},
        {"max_move", percent(&Health::max_move_percent), kDefault, "50%",
         "how much of the service's weight judgements may move in an interval; one backend always may"},
    };
    return keys;
}

template <>
const Keys<Damping>& keys_of() {
    static const Keys<Damping> keys{
        {"flaps", integer(&Damping::flaps, 1, 1000), kDefault, "3",
         "a backend that goes down more often than this is held down"},
        {"within", duration(&Damping::within, seconds(1), kLongest), kDefault, "5m",
         "the time in which it does so"},
        {"hold", duration(&Damping::hold, seconds(0), kLongest), kDefault, "30s",
         "how long it is held at first; each time it goes down again doubles that"},
        {"max_hold", duration(&Damping::max_hold, seconds(0), kLongest), kDefault, "10m",
         "how long it is held at most"},
    };
    return keys;
}

}  // namespace guideway::config
