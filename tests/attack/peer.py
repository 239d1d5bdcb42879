"""A WebSocket peer that may break every rule: bytes over a socket, and no code of the bridge's.

Everything that waits has a deadline.
"""

import json
import os
import socket
import struct
import time

PATIENCE = float(os.environ.get("PATIENCE_SECONDS", "30"))
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Ended(Exception):
    """The connection is over."""


def address(text):
    host, port = text.removeprefix("http://").removeprefix("ws://").split("/")[0].rsplit(":", 1)
    return host, int(port)


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\1\2\3\4", length=None):
    """One frame's bytes. `length` is what its header says, if that is another."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    masked = 0x80 if mask else 0
    said = len(payload) if length is None else length
    if said < 126:
        head += bytes([masked | said])
    elif said < 1 << 16:
        head += bytes([masked | 126]) + struct.pack(">H", said)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", said)
    if not mask:
        return head + payload
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    body = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")
    return head + mask + body


def request(path="/ws", method="GET", version="HTTP/1.1", leave_out=(), more=(), **instead):
    """The bytes of an upgrade request. Keywords replace headers, `more` is added, `leave_out` is not sent."""
    headers = {
        "host": "localhost",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": KEY,
    }
    headers.update({name.replace("_", "-"): value for name, value in instead.items()})
    lines = [f"{name}: {value}" for name, value in headers.items() if name not in leave_out]
    lines += [f"{name}: {value}" for name, value in more]
    return "\r\n".join([f"{method} {path} {version}", *lines, "", ""]).encode()


def ask(where, bytes_sent):
    """Sends these bytes; gives the status, 0 where the connection just ends, and what else came."""
    with socket.create_connection(address(where), timeout=PATIENCE) as stream:
        try:
            stream.sendall(bytes_sent)
        except OSError:
            pass  # It was refused before its last byte; the answer is there all the same.
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                more = stream.recv(4096)
                if not more:
                    break
                head += more
        except ConnectionError:
            pass
    words = head.split(b" ", 2)
    return (int(words[1]) if len(words) > 2 else 0), head.decode("latin-1")


class Peer:
    """A connection that is upgraded, and with a subprotocol has said `connection.init`."""

    def __init__(self, where, path="/ws", protocol="rialto.v1.json", token=None, init=True, data=None, receive=None,
                 **headers):
        self.stream = socket.socket()
        self.stream.settimeout(PATIENCE)
        if receive is not None:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.stream.connect(address(where))
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if protocol:
            headers["sec_websocket_protocol"] = protocol
        elif token:
            headers["authorization"] = f"Bearer {token}"
        self.stream.sendall(request(path, **headers))
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        self.head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if not self.head.startswith(b"HTTP/1.1 101"):
            self.stream.close()
            raise Ended(self.head.decode("latin-1") + self.buffer.decode("latin-1"))
        self.ack = None
        if protocol == "rialto.v1.json" and init:
            self.say("connection.init", "init", **{**({"token": token} if token else {}), **(data or {})})
            self.ack = self.until("connection.ack")["data"]
        elif not protocol:
            self.ack = self.until("connection.ack")["data"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def _more(self, deadline=None):
        left = PATIENCE if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.stream.settimeout(left)
        try:
            more = self.stream.recv(1 << 16)
        except ConnectionError:
            more = b""
        finally:
            self.stream.settimeout(PATIENCE)
        if not more:
            raise Ended
        self.buffer += more

    def send(self, *frames):
        """Sends frames, or any bytes; nobody minds if the bridge has gone meanwhile."""
        try:
            self.stream.sendall(b"".join(frames))
        except (ConnectionError, TimeoutError):
            return False
        return True

    def say(self, kind, id=None, **data):
        self.send(frame(TEXT, json.dumps({"type": kind, **({"id": id} if id else {}), "data": data}).encode()))

    def receive(self, timeout=None):
        """The next frame: its opcode and its payload."""
        deadline = time.monotonic() + (PATIENCE if timeout is None else timeout)
        while True:
            whole = _whole(self.buffer)
            if whole:
                opcode, payload, length = whole
                self.buffer = self.buffer[length:]
                return opcode, payload
            self._more(deadline)

    def hear(self, timeout=None):
        """The next frame in JSON; pings are answered."""
        while True:
            opcode, payload = self.receive(timeout)
            if opcode == PING:
                self.send(frame(PONG, payload))
            if opcode == TEXT:
                return json.loads(payload)
            if opcode == CLOSE:
                raise Ended(*struct.unpack(">H", payload[:2]))

    def until(self, kind, reply_to=None):
        while True:
            heard = self.hear()
            if heard["type"] == kind and (reply_to is None or heard.get("replyTo") == reply_to):
                return heard

    def answer(self, id):
        """The frame that answers this id: an error's code, or the frame's type."""
        while True:
            heard = self.hear()
            if heard.get("replyTo") == id:
                return heard

    def subscribe(self, *channels, **more):
        """The frames that answer, one for each channel."""
        self.say("channel.subscribe", "s", channels=[{"name": channel, **more} for channel in channels])
        return [self.answer("s") for _ in channels]

    def error(self, id):
        """The code of the error that answers this id."""
        heard = self.answer(id)
        return heard["data"]["code"] if heard["type"] == "error" else heard["type"]

    def close_code(self, timeout=None):
        """Reads to the end: the code of the close frame, 0 for one without, None where the connection just ends."""
        deadline = time.monotonic() + (PATIENCE if timeout is None else timeout)
        code = None
        try:
            while True:
                opcode, payload = self.receive(deadline - time.monotonic())
                if opcode == CLOSE:
                    code = struct.unpack(">H", payload[:2])[0] if payload else 0
        except Ended:
            return code

    def has_ended(self, timeout):
        try:
            while True:
                self.receive(timeout)
        except Ended:
            return True
        except TimeoutError:
            return False


def _whole(buffer):
    if len(buffer) < 2:
        return None
    short, at = buffer[1] & 0x7F, 2
    if short == 126:
        if len(buffer) < 4:
            return None
        short, at = struct.unpack(">H", buffer[2:4])[0], 4
    elif short == 127:
        if len(buffer) < 10:
            return None
        short, at = struct.unpack(">Q", buffer[2:10])[0], 10
    if len(buffer) < at + short:
        return None
    return buffer[0] & 0x0F, buffer[at : at + short], at + short
