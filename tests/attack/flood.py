"""An attacker in a process of its own, on one core: it opens connections, says what it is told to say first, and then one block
of bytes over and over, as fast as the bridge takes it. Whenever a connection ends, the next one is opened.

As a program it is the attacker: it takes one JSON on its input, and answers with one at the end. With the word `sink` it is somebody
else, who takes whatever comes: a flood of that one costs the machine as much, and the bridge nothing.
"""

import base64
import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import time

from peer import PATIENCE, address

LONGEST = 1 << 16
"""What is sent or read at once."""
CLOSE = b"\x88"
"""How a close frame begins; no text of the bridge's has this byte."""


def flood(where, seconds, openings, block=b"", connections=4, reads=True, counted=(), pause=0.0):
    """Floods this address for so long. Each connection begins with the next of `openings`; `reads`: it takes what comes, and
    `counted` is looked for in that. Who has no block hangs up when it is sent a close frame. With a `pause` the bytes of the
    opening come one by one, so far apart."""
    work = {
        "where": where, "seconds": seconds, "connections": connections, "reads": reads, "pause": pause,
        "openings": [base64.b64encode(opening).decode() for opening in openings],
        "block": base64.b64encode(block).decode(), "counted": list(counted),
    }
    process = subprocess.run([sys.executable, __file__], input=json.dumps(work), capture_output=True, text=True,
                             timeout=seconds + PATIENCE)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@contextlib.contextmanager
def sink():
    """The address of somebody who takes what comes."""
    process = subprocess.Popen([sys.executable, __file__, "sink"], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait(PATIENCE)


class Line:
    """One connection of it."""

    def __init__(self, where, opening, pause):
        self.stream = socket.socket()
        self.stream.setblocking(False)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BlockingIOError):
            self.stream.connect(where)
        self.opening, self.pause, self.next_at, self.rest, self.tail = opening, pause, 0.0, b"", b""

    def write(self, block, now):
        """How many blocks went out whole."""
        if self.opening:
            if now < self.next_at:
                return 0
            self.next_at = now + self.pause
            self.opening = self.opening[self.stream.send(self.opening[:1] if self.pause else self.opening) :]
            return 0
        if not block:
            return 0
        self.rest = self.rest or block
        self.rest = self.rest[self.stream.send(self.rest[:LONGEST]) :]
        return not self.rest


def run(where, seconds, openings, block, connections, reads, counted, pause):
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    openings = [base64.b64decode(opening) for opening in openings]
    block, where = base64.b64decode(block), address(where)
    done = {"connections": 0, "blocks": 0, "read": 0, "ended": 0, "counted": dict.fromkeys(counted, 0)}
    selector, until = selectors.DefaultSelector(), time.monotonic() + seconds
    wanted = selectors.EVENT_WRITE | (selectors.EVENT_READ if reads else 0)

    def begin():
        line = Line(where, openings[done["connections"] % len(openings)], pause)
        done["connections"] += 1
        # Who has nothing more to say waits to be answered.
        selector.register(line.stream, wanted, line)

    def serve(line, ready):
        if ready & selectors.EVENT_READ:
            got = line.stream.recv(LONGEST)
            if not got:
                return False
            done["read"] += len(got)
            for text in counted:
                # What stands across two reads is counted with the later one.
                done["counted"][text] += (line.tail[-(len(text) - 1) :] + got).count(text.encode())
            line.tail = got[-64:]
            if not block and CLOSE in got:
                return False
        if ready & selectors.EVENT_WRITE:
            done["blocks"] += line.write(block, time.monotonic())
            if not line.opening and not block:
                selector.modify(line.stream, selectors.EVENT_READ, line)
        return True

    for _ in range(connections):
        begin()
    while time.monotonic() < until:
        for key, ready in selector.select(0.1):
            try:
                lives = serve(key.data, ready)
            except BlockingIOError:
                lives = True
            except OSError:
                lives = False
            if not lives:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                done["ended"] += 1
                begin()
        if pause:
            time.sleep(pause / 10)
    return done


def take():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            try:
                taken = key.fileobj.recv(LONGEST)
            except OSError:
                taken = b""
            if not taken:
                selector.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__" and sys.argv[1:] == ["sink"]:
    take()
elif __name__ == "__main__":
    print(json.dumps(run(**json.load(sys.stdin))))
