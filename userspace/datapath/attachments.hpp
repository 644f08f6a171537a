// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "datapath/attachment.hpp"

namespace guideway::datapath {

/// Where one of the configured interfaces stands.
struct InterfaceState {
    std::string name;    ///< as configured
    unsigned index = 0;  ///< 0: there is no such interface
    std::string device;  ///< what it is called now: another name, if it was renamed
    bool attached = false;
    std::string
        trouble;  ///< why it is not attached, or its link not pinned, as a sentence; empty: all is well

    bool operator==(const InterfaceState&) const = default;
};

/// Something that was not as it should be: it was brought back, or why it could not be.
struct Repair {
    bool done = false;
    std::string text;
};

/// A program's attachments to the configured interfaces, each by a pinned link. They outlive this object, and
/// the next one takes them over. An interface is found by its name and then followed by its index, since it
/// may be renamed. Of several, some may be missing.
class Attachments {
  public:
    explicit Attachments(Pins pins) : pins_(std::move(pins)) {}

    /// What can be told without trying. Errors: none of these exists, or somebody else's program is attached.
    [[nodiscard]] Result<void> check(const std::vector<std::string>& interfaces) const;

    /// Attaches the program to all of these that exist; an error leaves everything attached as it was, each
    /// in its mode. Others stay attached until leave_all_but(). Errors: none of them exists, or one refuses.
    [[nodiscard]] Result<std::vector<Attachment>> attach(const std::vector<std::string>& interfaces,
                                                         config::Mode mode, int program_fd);

    /// Detaches from all other interfaces.
    [[nodiscard]] Result<void> leave_all_but(const std::vector<std::string>& interfaces);

    /// Compares what should be attached and pinned with what is, and brings it back. What is broken as it was
    /// at the last call is not told again.
    [[nodiscard]] std::vector<Repair> repair();

    /// In the configuration's order, as the last call found or left them.
    [[nodiscard]] const std::vector<InterfaceState>& states() const { return states_; }

    /// The present indexes of interfaces that are configured under these names; 0 for those that do not
    /// exist.
    [[nodiscard]] std::vector<unsigned> indexes_of(const std::vector<std::string>& interfaces) const;

  private:
    /// What has to be undone if another interface refuses.
    struct Done {
        std::vector<std::string> made;
        std::map<std::string, bool> remade;  ///< in another mode; whether the former one was native
    };

    [[nodiscard]] unsigned followed_index(const std::string& interface) const;
    [[nodiscard]] bool is_ours(unsigned index) const;
    [[nodiscard]] bool adopt(const std::string& interface, unsigned index);
    /// Whether an attachment that cannot be pinned is better than none.
    enum class Pinning : bool { kIfPossible, kRequired };
    [[nodiscard]] Result<Attachment> make(const std::string& interface, unsigned index, config::Mode mode,
                                          int program_fd, Pinning pinning);
    [[nodiscard]] Result<Attachment> remake(const std::string& interface, config::Mode mode, int program_fd);
    [[nodiscard]] Result<Attachment> update(const std::string& interface, config::Mode mode, int program_fd);
    [[nodiscard]] Result<std::map<std::string, Attachment>> attach_all(
        const std::map<std::string, unsigned>& interfaces, config::Mode mode, int program_fd, Done& done);
    void undo(const Done& done, int program_fd);
    void remove(const std::string& interface);
    void note_states(const std::vector<std::string>& interfaces);
    void mend(InterfaceState& state, std::vector<Repair>& repairs);
    void attach_again(InterfaceState& state, std::vector<Repair>& repairs);
    void keep(InterfaceState& state, const LinkFacts& facts, std::vector<Repair>& repairs);

    Pins pins_;
    config::Mode mode_ = config::Mode::kAuto;
    int program_fd_ = -1;
    std::map<std::string, Link> links_;  ///< by the interface's configured name
    std::vector<InterfaceState> states_;
};

}  // namespace guideway::datapath
