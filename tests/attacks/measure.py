"""Runs a program on a file and measures what it took. Imports nothing large: what
this process holds at its largest is counted by Linux as held by its children too."""

import os
import subprocess
import tempfile
import threading
import time


class Outcome:
    """exit (negative: the signal), seconds, peak (bytes) and errors, the error lines."""

    def __init__(self, exit, seconds, peak, text):
        self.exit, self.seconds, self.peak, self.text = exit, seconds, peak, text
        self.errors = [line for line in text.splitlines() if line.startswith("error: ")]


def measure(arguments, env=None, timeout=20):
    """Runs `arguments`; after `timeout` seconds it and its children are killed.
    The peak is that of the largest process among it and its children."""
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=errors, env=env, start_new_session=True)
        timer = threading.Timer(timeout, lambda: os.killpg(child.pid, 9))
        timer.start()
        _, status, usage = os.wait4(child.pid, 0)
        timer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode("utf-8", "replace")
        return Outcome(child.returncode, time.monotonic() - start, usage.ru_maxrss * 1024, text)
