# SPDX-License-Identifier: Apache-2.0
"""What system tests in Python do with a lab (scripts/lab): enter it, run commands in its namespaces, start and end
processes there, and await conditions."""
import functools
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/lab"
DIR = Path("/run/lab")  # files of this lab; private to it

processes: dict[str, subprocess.Popen] = {}  # those that run, by name


def enter(file: str, vips: list[str], balancers: int, backends: int) -> NoReturn:
    """Runs that file's tests in a lab of their own; what follows its name on the command line goes to pytest.

    The first failure ends it (-x): if what is common to all tests is broken, each of them would wait in vain.
    Everything is in a process, mount and network namespace: when pytest ends, however it ends, the kernel takes away
    its processes, namespaces, mounts and pinned BPF objects."""
    topology = {"LAB_VIPS": " ".join(vips), "LAB_BALANCERS": str(balancers), "LAB_BACKENDS": str(backends)}
    pytest = [sys.executable, "-B", "-m", "pytest", "-v", "-x", "-p", "no:cacheprovider", str(Path(file).resolve())]
    os.environ.setdefault("LAB_TIMEOUT", "40")
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(SCRIPT, [str(SCRIPT), "env", "LAB_ENTERED=yes", *pytest, *sys.argv[1:]], os.environ | topology)


def entered() -> bool:
    return "LAB_ENTERED" in os.environ


# --- commands --------------------------------------------------------------------------------------------------------


def on(namespace: str, *command: object) -> subprocess.CompletedProcess[str]:
    """Runs a command in that network namespace, and captures what it prints."""
    return subprocess.run(in_namespace(namespace, *command), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, check=False)


def output(namespace: str, *command: object) -> str:
    """What a command prints, which must succeed."""
    done = on(namespace, *command)
    assert done.returncode == 0, f"{namespace}$ {words(command)}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


# Unlike `ip netns exec` this keeps /sys/fs/bpf, and the process that is started is the command's own.
def in_namespace(namespace: str, *command: object) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{namespace}", "--", *map(str, command)]


def words(command: tuple[object, ...]) -> str:
    return shlex.join(map(str, command))


@functools.cache
def lab_function(*call: str) -> str:
    """What a function of scripts/lab prints, without the newline at its end."""
    command = ["bash", "-euc", '. "$0"; "$@"', str(SCRIPT), *call]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip("\n")


def ipv4(host: str) -> str:
    return lab_function("lab_ipv4", host)


def ipv6(host: str) -> str:
    return lab_function("lab_ipv6", host)


def address_like(vip: str, host: str) -> str:
    """The host's address of the VIP's family."""
    return ipv6(host) if ":" in vip else ipv4(host)


# --- processes -------------------------------------------------------------------------------------------------------


def start(name: str, namespace: str, *command: object) -> None:
    """In the background. What it prints is in log(name); what an earlier process of that name printed is in
    NAME-earlier.log."""
    assert name not in processes, f"{name} has been started, and not stopped"
    print(f"{namespace}$ {words(command)}")
    if log_file(name).exists():
        log_file(name).rename(log_file(f"{name}-earlier"))
    with log_file(name).open("wb") as log_output:
        processes[name] = subprocess.Popen(in_namespace(namespace, *command), stdin=subprocess.DEVNULL,
                                           stdout=log_output, stderr=subprocess.STDOUT)


def stop(name: str, with_signal: signal.Signals = signal.SIGTERM) -> int:
    """Ends a process; returns its exit status, or the negative number of the signal that ended it."""
    processes[name].send_signal(with_signal)
    return finish(name)


def finish(name: str) -> int:
    """Waits until a process ends by itself; returns its exit status."""
    status = processes[name].wait(timeout())
    del processes[name]
    return status


def kill(name: str) -> None:
    stop(name, signal.SIGKILL)


def running(name: str) -> bool:
    return name in processes and processes[name].poll() is None


def log_file(name: str) -> Path:
    return DIR / f"{name}.log"


def log(name: str) -> str:
    return log_file(name).read_text(errors="replace")


# --- conditions ------------------------------------------------------------------------------------------------------


def timeout() -> float:
    return float(os.environ["LAB_TIMEOUT"])


def wait_until(condition: Callable[[], object], seconds: float | None = None) -> None:
    """Until the condition is true, for LAB_TIMEOUT seconds at most. What it asserts may be wrong before."""
    seconds = timeout() if seconds is None else seconds
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() > deadline
        try:
            if condition():
                return
        except AssertionError:
            if late:
                raise
        assert not late, f"waited {seconds:.0f} s in vain"
        time.sleep(0.02)


def put(file: Path, text: str) -> None:
    """Replaces a file in one step."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.rename(file)
