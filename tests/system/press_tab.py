#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Types a command line into an interactive bash or zsh as a person would, and prints what became of it.

    press_tab.py bash|zsh COMPLETIONS TYPED

\t in TYPED is the Tab key. The command is run with the words that the shell then has, but a function prints them
instead of what guideway would do. Ends with 1 if there is no such line after 30 seconds.
"""

import os
import pty
import re
import select
import sys
import time

PROMPT = "ready-for-more "
PATIENCE = 30  # seconds
FUNCTION = (
    "guideway() { if [ \"$1\" = complete ]; then command guideway \"$@\"; else echo \"ran:\" \"$@\" \":end\"; fi; }"
)


class Shell:
    """An interactive shell on a terminal of its own."""

    def __init__(self, arguments: list[str]) -> None:
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ.update(TERM="xterm", PS1=PROMPT, PROMPT=PROMPT, COLUMNS="200")
            os.execvp(arguments[0], arguments)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def await_match(self, pattern: str) -> re.Match[str]:
        """What the terminal shows from the last match on, up to this one."""
        deadline = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.seen)) is None:
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                sys.exit(f"in vain for {pattern!r}; the terminal shows:\n{self.seen}")
            self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        self.seen = self.seen[found.end():]
        return found


def main() -> None:
    name, completions, typed = sys.argv[1:]
    if name == "bash":
        shell = Shell(["bash", "--norc", "--noprofile", "-i"])
        prepare = [f". /usr/share/bash-completion/bash_completion; . {completions}/guideway.bash"]
    else:
        shell = Shell(["zsh", "-f", "-i"])
        prepare = [f"fpath=({completions} $fpath); autoload -U compinit; compinit -u -D"]
    for i, line in enumerate([*prepare, FUNCTION]):
        shell.await_match(PROMPT)
        shell.type(f"{line}; echo prepar''ed {i}\n")
        shell.await_match(f"prepared {i}")
    shell.await_match(PROMPT)
    for part in re.split("(\t)", typed.replace("\\t", "\t")):
        shell.type(part)
    shell.type("\n")
    print(shell.await_match("ran: (.*?) ?:end").group(1))


main()
