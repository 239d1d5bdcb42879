"""The witness: a process that asks another one as often as the control pair publishes, with no bridge between. What it waits for
is what the machine, which attacker, bridge and pair share, keeps everybody waiting for.

As a program it asks: it takes `phase NAME` and `stop` on its input, and answers at the end with one JSON.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time

from pair import PER_SECOND
from peer import PATIENCE


class Witness:
    """Runs it; `finish` gives how long its answers took, by phase."""

    def __init__(self):
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "the witness did not start"

    def phase(self, name):
        """What is asked from now on is counted under this name."""
        self.process.stdin.write(f"phase {name}\n")
        self.process.stdin.flush()

    def finish(self):
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        latencies = json.loads(self.process.stdout.read())
        self.process.wait(PATIENCE)
        return latencies

    def end(self):
        """Ends it, whatever it is doing."""
        self.process.kill()
        self.process.wait(PATIENCE)


def echo(stream):
    while asked := stream.recv(1):
        stream.sendall(asked)


def ask():
    stream, theirs = socket.socketpair()
    if os.fork() == 0:
        stream.close()
        echo(theirs)
        os._exit(0)
    theirs.close()
    stream.settimeout(PATIENCE)
    phase, stop, latencies = "baseline", threading.Event(), {}

    def listen():
        nonlocal phase
        for line in sys.stdin:
            order = line.split()
            if order[0] == "phase":
                phase = order[1]
            else:
                break
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    print("ready", flush=True)
    next_at = time.monotonic()
    while not stop.is_set():
        asked, began = phase, time.monotonic()
        stream.sendall(b".")
        assert stream.recv(1), "nobody answers"
        latencies.setdefault(asked, []).append(time.monotonic() - began)
        next_at = max(next_at + 1 / PER_SECOND, time.monotonic() - 0.1)
        stop.wait(max(0, next_at - time.monotonic()))
    print(json.dumps(latencies))


if __name__ == "__main__":
    ask()
