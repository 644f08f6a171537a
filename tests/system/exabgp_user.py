#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a process of ExaBGP's user may try against the agent, which is root's.

    exabgp_user.py swap DIRECTORY VICTIM    puts links to the victim in the place of whatever lies there, until SIGTERM
    exabgp_user.py reach DIRECTORY PID...   tries the sockets and files there, and these processes, each once
    exabgp_user.py flood SOCKET             is a relay that says anything, as often and as much as it can, until SIGTERM

Prints a line for each thing that it was able to do; swap and flood: how often they tried.
"""
import ctypes
import os
import random
import signal
import socket
import sys


def attempt(what, action):
    """Whether it could be done."""
    try:
        action()
    except OSError:
        return False
    print("could", what, flush=True)
    return True


class Ended(Exception):
    pass


def until_sigterm(action):
    def end(*_):
        raise Ended

    signal.signal(signal.SIGTERM, end)
    tries = 0
    try:
        while True:
            action()
            tries += 1
            if tries == 1:
                print("begun", flush=True)
    except Ended:
        print("tried", tries, flush=True)


def swap(directory, victim):
    names = ["relay.sock", "agent.sock", "exabgp.conf", "exabgp.conf.new", "other"]

    def replace(path):
        for what, action in (("remove", lambda: os.unlink(path)), ("move", lambda: os.rename(path, path + ".x"))):
            attempt(f"{what} {path}", action)
        attempt(f"link {path}", lambda: os.symlink(victim, path))

    def once():
        for name in names:
            replace(os.path.join(directory, name))
        replace(directory)

    until_sigterm(once)


def reach(directory, pids):
    def connect(path):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)

    def write(path):
        with open(path, "r+b"):
            pass

    ptrace = ctypes.CDLL(None, use_errno=True).ptrace

    def attach(pid):
        if ptrace(16, pid, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    parent = os.path.dirname(directory)
    for path in (os.path.join(directory, "agent.sock"), os.path.join(parent, "control.sock")):
        attempt(f"connect to {path}", lambda path=path: connect(path))
    for top in (parent, directory):
        for name in os.listdir(top):
            attempt(f"write {top}/{name}", lambda path=os.path.join(top, name): write(path))
        attempt(f"chmod {top}", lambda top=top: os.chmod(top, 0o777))
    for pid in pids:
        for number in (0, signal.SIGSTOP, signal.SIGKILL):
            attempt(f"signal {pid} {number}", lambda pid=pid, number=number: os.kill(pid, number))
        attempt(f"trace {pid}", lambda pid=pid: attach(pid))
        attempt(f"see the descriptors of {pid}", lambda pid=pid: os.listdir(f"/proc/{pid}/fd"))
        attempt(f"write the memory of {pid}", lambda pid=pid: write(f"/proc/{pid}/mem"))
    attempt("become root", lambda: os.setuid(0))
    print("reached out", flush=True)


LINES = [
    b"done\n", b"error\n", b"\n", b"\xff\x00\x1b[31m\n", b"neighbor 10.0.0.1 {\n", b"x" * 100_000,
    b'{"type": "state", "neighbor": {"address": {"peer": "10.0.0.1"}, "state": "up"}}\n',
    b'{"type": "state", "neighbor": {"address": {"peer": "10.0.0.1"}, "state": "down", "reason": "\x07x"}}\n',
    b"10.0.0.1 64512 0:00:04 established 2 1\n", b"[" * 10_000 + b"\n",
]


def flood(path):
    def once():
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                connection.settimeout(0.2)
                for _ in range(random.randrange(200)):
                    connection.sendall(random.choice(LINES) * random.randrange(1, 50))
        except OSError:
            pass  # another one, and while the supervisor is replaced none

    until_sigterm(once)


if __name__ == "__main__":
    if sys.argv[1] == "swap":
        swap(*sys.argv[2:])
    elif sys.argv[1] == "reach":
        reach(sys.argv[2], [int(pid) for pid in sys.argv[3:]])
    else:
        flood(sys.argv[2])
