"""An HTTP/2 client that may break every rule: frames over a socket, header blocks without compression."""

import socket
import struct
import time

from peer import PATIENCE, Ended, address

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PUBLISH = "/rialto.v1.PublisherService/Publish"
PUBLISH_STREAM = "/rialto.v1.PublisherService/PublishStream"

# RFC 7541, appendix B, as far as `grpc-status` and numbers need it: code and bits.
_HUFFMAN = {"0": (0, 5), "1": (1, 5), "2": (2, 5), "a": (3, 5), "c": (4, 5), "s": (8, 5), "t": (9, 5), "-": (0x16, 6),
            **{str(digit): (0x19 + digit - 3, 6) for digit in range(3, 10)},
            "g": (0x26, 6), "p": (0x2B, 6), "r": (0x2C, 6), "u": (0x2D, 6)}


def huffman(text):
    bits = "".join(format(code, f"0{length}b") for code, length in (_HUFFMAN[letter] for letter in text))
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def frame(kind, payload=b"", flags=0, stream=0):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, bits):
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    encoded, value = bytes([most]), value - most
    while value >= 128:
        encoded, value = encoded + bytes([value % 128 + 128]), value // 128
    return encoded + bytes([value])


def literal(name, value):
    """A header that is not indexed and not compressed."""
    name, value = (text.encode() if isinstance(text, str) else text for text in (name, value))
    return b"\0" + integer(len(name), 7) + name + integer(len(value), 7) + value


def call(path=PUBLISH, **more):
    """The header block of a gRPC call."""
    headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
               "content-type": "application/grpc", "te": "trailers", **{k.replace("_", "-"): v for k, v in more.items()}}
    return b"".join(literal(name, value) for name, value in headers.items())


def message(payload, compressed=0, length=None):
    """A gRPC message; `length` is what its prefix says, if that is another."""
    return struct.pack(">BI", compressed, len(payload) if length is None else length) + payload


class Client:
    """One connection: its preface, its settings and whatever a test sends."""

    def __init__(self, where, settings=b"", start=True):
        self.stream = socket.create_connection(address(where), timeout=PATIENCE)
        self.buffer = b""
        if start:
            self.send(PREFACE, frame(SETTINGS, settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def send(self, *frames):
        """False: the bridge takes no more."""
        try:
            self.stream.sendall(b"".join(frames))
        except OSError:
            return False
        return True

    def receive(self, deadline):
        """The next frame: kind, flags, stream, payload."""
        while True:
            if len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + length:
                    whole, self.buffer = self.buffer[: 9 + length], self.buffer[9 + length :]
                    return whole[3], whole[4], int.from_bytes(whole[5:9], "big"), whole[9:]
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.stream.settimeout(left)
            try:
                more = self.stream.recv(1 << 16)
            except ConnectionError:
                more = b""
            if not more:
                raise Ended
            self.buffer += more

    def accept(self, patience=PATIENCE):
        """Accepts the bridge's settings, and waits for the connection's window: before that it is 64 KiB, and more is an error."""
        deadline = time.monotonic() + patience
        missing = {SETTINGS, WINDOW_UPDATE}
        while missing:
            kind, flags, stream, _ = self.receive(deadline)
            if stream == 0 and not flags & ACK:
                missing.discard(kind)
        return self.send(frame(SETTINGS, b"", ACK))

    def outcome(self, stream=1, patience=PATIENCE):
        """How a call ended: `(\"status\", code)`, `(\"reset\", error)`, `(\"goaway\", error)` or `(\"cut\", 0)`."""
        deadline = time.monotonic() + patience
        try:
            while True:
                kind, flags, of, payload = self.receive(deadline)
                if kind == HEADERS and of == stream and flags & END_STREAM:
                    return "status", status(payload)
                if kind == RST_STREAM and of == stream:
                    return "reset", int.from_bytes(payload, "big")
                if kind == GOAWAY and payload[4:8] != bytes(4):
                    return "goaway", int.from_bytes(payload[4:8], "big")
        except Ended:
            return "cut", 0


def status(block):
    """The gRPC status in the trailers of a connection's first call."""
    for name in (b"grpc-status", huffman("grpc-status")):
        at = block.find(name)
        if at >= 0:
            at += len(name)
            size, value = block[at] & 0x7F, block[at + 1 : at + 1 + (block[at] & 0x7F)]
            if not block[at] & 0x80:
                return int(value)
            return next(code for code in range(17) if len(huffman(str(code))) == size and huffman(str(code)) == value)
    return None
