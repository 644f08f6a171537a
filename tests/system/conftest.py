# SPDX-License-Identifier: Apache-2.0
"""What every system test in Python is given. The lab itself is scripts/lab; see lab.py."""
import os
from collections.abc import Iterator

import lab
import pytest

pytest.register_assert_rewrite("guideway", "held_connections", "router")


def pytest_sessionstart() -> None:
    if not lab.entered():
        pytest.exit("run ./tests/system/NAME_test.py, which enters a lab of its own", pytest.ExitCode.USAGE_ERROR)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """A failure shows the end of what each process printed."""
    report = (yield).get_result()
    if report.failed:
        for file in sorted(lab.DIR.glob("*.log")):
            lines = file.read_text(errors="replace").splitlines()
            if lines:
                report.sections.append((f"the end of {file.name}", "\n".join(lines[-20:])))


@pytest.fixture(autouse=True)
def processes_of_the_test() -> Iterator[None]:
    """What a test has started and not stopped ends with it; what was there before may have been started anew."""
    before = set(lab.processes)
    yield
    for name in set(lab.processes) - before:
        lab.kill(name)


@pytest.fixture(scope="session")
def vips() -> list[str]:
    """Those that the router sends to the balancers."""
    return os.environ["LAB_VIPS"].split()
