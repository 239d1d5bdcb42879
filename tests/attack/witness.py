"""The witness: a process that asks another one as often as the control pair publishes, with no bridge between. What it waits for
is what the machine, which attacker, bridge and pair share, keeps everybody waiting for.

As a program it asks.
"""

import json
import os
import socket
import sys
import threading
import time

from beside import Beside
from pair import PER_SECOND
from peer import PATIENCE


class Witness(Beside):
    """Runs it; `stop` gives how long its answers took, by phase."""

    def __init__(self):
        super().__init__(__file__)


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
                print(phase, flush=True)
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
