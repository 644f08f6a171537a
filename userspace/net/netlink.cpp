// SPDX-License-Identifier: Apache-2.0
#include "net/netlink.hpp"

#include <sys/socket.h>

#include <array>
#include <cstring>

#include "net/attributes.hpp"

namespace guideway::net {

namespace {
/// The kernel never builds a larger datagram for an answer or an announcement.
constexpr std::size_t kBufferSize = 32 * 1024;
/// Room for a burst of announcements while the loop is busy elsewhere.
constexpr int kAnnouncementBytes = 4 * 1024 * 1024;

struct Answer {
    const Netlink::Handler& on_message;
    Refusal refusal;
};

int take_message(const nlmsghdr* message, void* data) {
    static_cast<Answer*>(data)->on_message(*message);
    return MNL_CB_OK;
}

/// An acknowledgement is an error message with the number 0.
int take_error(const nlmsghdr* message, void* data) {
    const auto& error = *static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
    if (error.error == 0)
        return MNL_CB_STOP;
    Refusal& refusal = static_cast<Answer*>(data)->refusal;
    refusal = {-error.error, errno_text(error.error)};
    if (message->nlmsg_flags & NLM_F_ACK_TLVS) {
        const Attributes explanation(*message, sizeof(nlmsgerr));
        if (const auto text = explanation.text(NLMSGERR_ATTR_MSG))
            refusal.cause += fmt::format(" ({})", *text);
    }
    errno = refusal.code;
    return MNL_CB_ERROR;
}

std::unexpected<Refusal> refused() {
    return std::unexpected(Refusal{errno, errno_text()});
}
}  // namespace

Netlink::Netlink(mnl_socket* socket) : socket_(socket), buffer_(kBufferSize) {}

Result<Netlink> Netlink::open_with(int flags) {
    mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
    if (!socket)
        return fail("open a netlink socket: {}", errno_text());
    Netlink netlink(socket);
    int on = 1;
    // With capped acknowledgements the explanation stands right behind the error number.
    if (mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on)) < 0 ||
        mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on)) < 0 ||
        mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
        return fail("set up a netlink socket: {}", errno_text());
    return netlink;
}

Result<Netlink> Netlink::open() {
    return open_with(0);
}

Result<Netlink> Netlink::subscribe(std::span<const rtnetlink_groups> groups) {
    Result<Netlink> netlink = open_with(SOCK_NONBLOCK);
    if (!netlink)
        return netlink;
    // A smaller buffer loses announcements sooner, which receive() reports: not worth refusing to start.
    setsockopt(netlink->fd(), SOL_SOCKET, SO_RCVBUFFORCE, &kAnnouncementBytes, sizeof(kAnnouncementBytes));
    for (int group : groups)
        if (mnl_socket_setsockopt(netlink->socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
            return fail("subscribe to rtnetlink group {}: {}", group, errno_text());
    return netlink;
}

std::expected<void, Refusal> Netlink::talk(Request& request, const Handler& on_reply) {
    std::array<mnl_cb_t, NLMSG_ERROR + 1> on_control{nullptr, nullptr, take_error};
    nlmsghdr& message = request.message();
    // The acknowledgement ends every answer, whatever it consists of.
    message.nlmsg_flags |= NLM_F_ACK;
    message.nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), &message, message.nlmsg_len) < 0)
        return refused();
    Answer answer{on_reply, {}};
    for (int state = MNL_CB_OK; state != MNL_CB_STOP;) {
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return refused();
        const auto kept = keep_answers(static_cast<std::size_t>(size));
        if (kept == 0)
            continue;
        state = mnl_cb_run2(buffer_.data(), kept, sequence_, mnl_socket_get_portid(socket_.get()),
                            take_message, &answer, on_control.data(), on_control.size());
        if (state == MNL_CB_ERROR)
            return answer.refusal.code ? std::unexpected(answer.refusal) : refused();
    }
    return {};
}

/// A request that failed half-way may still be answered. Moves the present one's answers to the buffer's
/// beginning; returns how many bytes they are.
std::size_t Netlink::keep_answers(std::size_t size) {
    std::size_t kept = 0;
    auto left = static_cast<int>(size);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(message, left);) {
        auto* next = mnl_nlmsg_next(message, &left);
        const auto length = MNL_ALIGN(message->nlmsg_len);
        if (message->nlmsg_seq == sequence_) {
            std::memmove(buffer_.data() + kept, message, length);
            kept += length;
        }
        message = next;
    }
    return kept;
}

std::expected<bool, Refusal> Netlink::receive(const Handler& on_message) {
    const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size < 0)
        return refused();
    Answer announcements{on_message, {}};
    mnl_cb_run(buffer_.data(), static_cast<std::size_t>(size), 0, 0, take_message, &announcements);
    return true;
}

}  // namespace guideway::net
