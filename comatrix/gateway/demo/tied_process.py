"""Runs a program that ends when its starter does: `python tied_process.py PARENT_PID PROGRAM ARG...`

A preexec_fn would run between fork and exec of a process with threads, where little is safe. This runs after exec,
alone, sets the signal, and becomes the program: the kernel keeps PR_SET_PDEATHSIG across execve (prctl(2))."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> int:
    """Become the program named by `argv[2:]`; 1 if the parent `argv[1]` is gone already."""
    parent = int(argv[1])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() == parent:  # else it died before the signal was set
        os.execv(argv[2], argv[2:])
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
