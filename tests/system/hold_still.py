#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds processes still, as those that wait in the kernel are: they obey SIGKILL alone. (Stopped ones would go on when
their parent ends.)

    hold_still.py PROCESS...
"""

import ctypes
import os
import signal
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207

libc = ctypes.CDLL(None, use_errno=True)
for process in map(int, sys.argv[1:]):
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, process, None, None) != 0:
            sys.exit(f"hold {process}: {os.strerror(ctypes.get_errno())}")
    os.waitpid(process, 0x40000000)  # __WALL: until it stands still
print("held", flush=True)
signal.pause()
