// SPDX-License-Identifier: Apache-2.0
//
// To be preloaded: waits before each call that names a file and changes it, so that somebody else has time to
// put another one in its place.
#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace {

/// The real one, a while later.
template <typename Function>
Function later(const char* name) {
    ::usleep(100'000);
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int chmod(const char* path, mode_t mode) {
    return later<int (*)(const char*, mode_t)>("chmod")(path, mode);
}

int chown(const char* path, uid_t user, gid_t group) {
    return later<int (*)(const char*, uid_t, gid_t)>("chown")(path, user, group);
}

int rename(const char* from, const char* to) noexcept {
    return later<int (*)(const char*, const char*)>("rename")(from, to);
}

int unlink(const char* path) noexcept {
    return later<int (*)(const char*)>("unlink")(path);
}

int mkdir(const char* path, mode_t mode) noexcept {
    return later<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}

int bind(int socket, const sockaddr* address, socklen_t size) noexcept {
    return later<int (*)(int, const sockaddr*, socklen_t)>("bind")(socket, address, size);
}

int listen(int socket, int backlog) noexcept {
    return later<int (*)(int, int)>("listen")(socket, backlog);
}
}
