// SPDX-License-Identifier: Apache-2.0
#include "agent/event_file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace guideway;
using namespace guideway::agent;

namespace {
class Directory {
  public:
    Directory() {
        std::string name = std::filesystem::temp_directory_path() / "guideway-events-XXXXXX";
        path = ::mkdtemp(name.data());
    }
    ~Directory() { std::filesystem::remove_all(path); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    [[nodiscard]] std::string file() const { return path + "/events.jsonl"; }
    void write(const std::string& text) const { std::ofstream(file()) << text; }
    [[nodiscard]] std::string text() const {
        std::ostringstream text;
        text << std::ifstream(file()).rdbuf();
        return text.str();
    }

    std::string path;
};

std::string line(std::uint64_t id) {
    return api::to_json({.id = id, .kind = api::EventKind::kUp}).dump() + "\n";
}

std::vector<std::uint64_t> ids(const EventFile::Read& read) {
    std::vector<std::uint64_t> ids;
    for (const auto& event : read.events)
        ids.push_back(event.id);
    return ids;
}

using Ids = std::vector<std::uint64_t>;

/// No file grows beyond so many bytes, as on a full disk.
class FullAt {
  public:
    explicit FullAt(rlim_t size) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{size, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FullAt() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FullAt(const FullAt&) = delete;
    FullAt& operator=(const FullAt&) = delete;

  private:
    rlimit before_{};
};
}  // namespace

TEST_CASE("what one agent wrote the next one reads") {
    const Directory directory;
    EventFile first(directory.path, 10);
    CHECK(first.read().events.empty());
    REQUIRE(first.append(line(1) + line(2)));
    REQUIRE(first.append(line(3)));
    EventFile next(directory.path, 10);
    const auto read = next.read();
    CHECK(ids(read) == Ids{1, 2, 3});
    CHECK(read.broken == 0);
    struct stat status{};
    REQUIRE(::stat(directory.file().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a line that is cut off is skipped, and the next one begins anew") {
    const Directory directory;
    directory.write(line(1) + line(2).substr(0, 20));
    EventFile file(directory.path, 10);
    CHECK(ids(file.read()) == Ids{1});
    REQUIRE(file.append(line(2)));
    EventFile next(directory.path, 10);
    const auto read = next.read();
    CHECK(ids(read) == Ids{1, 2});
    CHECK(read.broken == 1);
}

TEST_CASE("what is no event, or out of turn, is skipped") {
    const Directory directory;
    directory.write("garbage\n\n{}\n" + line(4) + std::string("\0\xff\n", 3) + line(3) + line(5));
    EventFile file(directory.path, 10);
    const auto read = file.read();
    CHECK(ids(read) == Ids{4, 5});
    CHECK(read.broken == 5);
}

TEST_CASE("the latest events are kept, in two files of bounded size") {
    const Directory directory;
    EventFile file(directory.path, 10);
    static_cast<void>(file.read());
    for (std::uint64_t id = 1; id <= 35; ++id)
        REQUIRE(file.append(line(id)));
    EventFile next(directory.path, 10);
    CHECK(ids(next.read()) == Ids{26, 27, 28, 29, 30, 31, 32, 33, 34, 35});
    CHECK(std::ranges::count(directory.text(), '\n') == 5);
    REQUIRE(next.append(line(36)));
    CHECK(std::ranges::count(directory.text(), '\n') == 6);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.path))
        ++files;
    CHECK(files == 2);
}

TEST_CASE("a full disk takes no half of a line, and goes on when there is room") {
    const Directory directory;
    EventFile file(directory.path, 10);
    REQUIRE(file.append(line(1)));
    {
        const FullAt full(line(1).size() + 20);
        const auto written = file.append(line(2));
        REQUIRE_FALSE(written);
        CHECK(written.error().message.starts_with("write " + directory.file() + ": "));
        CHECK(directory.text() == line(1));
    }
    REQUIRE(file.append(line(2) + line(3)));
    CHECK(directory.text() == line(1) + line(2) + line(3));
}

TEST_CASE("a device in the place of the file is not written to") {
    const Directory directory;
    std::filesystem::create_symlink("/dev/full", directory.file());
    EventFile file(directory.path, 10);
    CHECK_FALSE(file.append(line(1)));
    const auto read = file.read();
    CHECK(read.events.empty());
    CHECK(read.errors.size() == 1);
}

TEST_CASE("a file, or its directory, that somebody takes away is missed and no more") {
    const Directory directory;
    EventFile file(directory.path, 10);
    REQUIRE(file.append(line(1)));
    std::filesystem::remove(directory.file());
    REQUIRE(file.append(line(2)));
    CHECK(directory.text() == line(2));
    std::filesystem::remove_all(directory.path);
    CHECK_FALSE(file.append(line(3)));
    std::filesystem::create_directory(directory.path);
    CHECK(file.append(line(3)));
}
