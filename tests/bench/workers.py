"""Child processes that are asked in turn, and stand still while another is.

Each answers a line on its standard input with one line of JSON on its standard output.
Between questions it is stopped (SIGSTOP): what a thread pool does while it waits, spinning
for some milliseconds as most do, must not take time from what is measured next.
"""

import json
import os
import pathlib
import select
import signal
import subprocess
import time


class Failure(Exception):
    """What was asked for could not be done; the message is one line and says why."""


class Worker:
    """One child process, in a process group of its own."""

    living = set()  # All that were started and not ended.

    def __init__(self, command, log, environment=None):
        """Starts `command`; its standard error goes to the file `log`."""
        self.log = log
        self.buffer = b""
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, **(environment or {})}, process_group=0, bufsize=0)
        Worker.living.add(self)

    def ask(self, line, timeout):
        """Sends `line` and returns the answer. Fails where none comes in `timeout` seconds."""
        self._signal(signal.SIGCONT)
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except OSError:
            raise Failure(self._why_it_ended()) from None
        return self.answer(timeout)

    def answer(self, timeout):
        """Returns the next line of the child, as JSON, and stops it."""
        end = time.monotonic() + timeout
        output = self.process.stdout.fileno()
        while b"\n" not in self.buffer:
            if not select.select([output], [], [], max(0, end - time.monotonic()))[0]:
                self.close()
                raise Failure(f"no answer in {timeout:.0f} s")
            got = os.read(output, 1 << 20)
            if not got:
                raise Failure(self._why_it_ended())
            self.buffer += got
        self._signal(signal.SIGSTOP)
        line, self.buffer = self.buffer.split(b"\n", 1)
        result = json.loads(line)
        if "error" in result:
            raise Failure(result["error"])
        return result

    def close(self):
        """Ends the child, whatever it does."""
        self._end()
        self.process.stdin.close()
        self.process.stdout.close()

    def _signal(self, number):
        # Until it is waited for, its number is not given to another process.
        if self.process.returncode is None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass

    def _end(self):
        self._signal(signal.SIGKILL)
        Worker.living.discard(self)
        return self.process.wait()

    def _why_it_ended(self):
        code = self._end()
        lines = self.log.read_text(errors="replace").strip().splitlines()
        last = lines[-1][:300] if lines else "it said nothing"
        return f"ended with {code}: {last}"


def used_seconds():
    """Seconds of processors that this process and its children have used, those that live among them."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for worker in Worker.living:
        fields = pathlib.Path(f"/proc/{worker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), of which two went before.
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total
