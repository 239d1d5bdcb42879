"""Rows of the WebSocket edge that `make test` runs: small, and each with a setting or value for which it must fail."""

import json

import struct
import time

import pytest
from bridges import PATIENCE, eventually
from conftest import control, guarded, metrics, publish, serving
from peer import BINARY, CLOSE, PING, TEXT, Ended, Peer, ask, frame, request


def test_ws_06_too_many_headers_too_large_headers_and_long_urls_are_refused(bridge, tmp_path):
    many = [(f"x-{number}", "y") for number in range(70)]
    large = [("x-large", "y" * (20 << 10))]
    with control(bridge):
        assert ask(bridge.http, request(more=many))[0] == 431
        assert ask(bridge.http, request(more=large))[0] in (431, 0)
        assert ask(bridge.http, request(path="/ws?" + "a" * (64 << 10)))[0] in (414, 431, 0)
        # 8 KiB are within the bounds of a request, and no session has such a name.
        assert ask(bridge.http, request(path="/ws?session_id=" + "a" * (8 << 10)))[0] == 400
        assert ask(bridge.http, request())[0] == 101
    with serving(tmp_path, "--max-request-headers", "100", "--max-request-header-bytes", "64KiB") as generous:
        assert ask(generous.http, request(more=many))[0] == 101, "the negative control"
        assert ask(generous.http, request(more=large))[0] == 101, "the negative control"


def test_ws_08_requests_that_are_no_upgrades_are_refused_and_told_why(bridge):
    key = "sec-websocket-key"
    cases = {
        "no key": (request(leave_out=[key]), {400}),
        "a short key": (request(**{key: "c2hvcnQ="}), {400}),
        "two keys": (request(more=[(key, "dGhlIHNhbXBsZSBub25jZQ==")]), {400}),
        "version 8": (request(**{"sec-websocket-version": "8"}), {426, 400}),
        "no version": (request(leave_out=["sec-websocket-version"]), {426, 400}),
        "no upgrade": (request(leave_out=["upgrade"]), {426, 400}),
        "POST": (request(method="POST"), {405}),
        "HTTP/1.0": (request(version="HTTP/1.0"), {400, 426, 505}),
        "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), {400, 505, 0}),
    }
    with control(bridge):
        for name, (asked, statuses) in cases.items():
            status, head = ask(bridge.http, asked)
            assert status in statuses, f"{name}: {head}"
            if status == 426:
                assert "sec-websocket-version: 13" in head.lower(), f"{name}: {head}"
        assert ask(bridge.http, request())[0] == 101, "the negative control"


ORIGINS = {
    "https://app.example": 101,
    "https://app.example:443": 403,
    "https://app.example:8443": 403,
    "http://app.example": 403,
    "https://APP.example": 403,
    "https://app.example.": 403,
    "https://app.example.evil.test": 403,
    "https://evilapp.example": 403,
    "https://sub.app.example": 403,
    "https://other.example": 403,
    "null": 403,
    "": 403,
    "http://localhost:5173": 403,
}


def test_ws_09_origins_are_compared_exactly_and_before_the_upgrade(tmp_path):
    with guarded(tmp_path, "--allowed-origin", "https://app.example", "--token-cookie", "app") as bridge:
        token = bridge.mint("ann", "**")
        with control(bridge, token=token):
            for origin, status in ORIGINS.items():
                got, head = ask(bridge.http, request(origin=origin, authorization=f"Bearer {token}"))
                assert got == status, f"{origin!r}: {head}"
            assert ask(bridge.http, request(authorization=f"Bearer {token}"))[0] == 101, "programs have no Origin"
            assert ask(bridge.http, request(cookie=f"app={token}"))[0] == 401, "a cookie alone is not enough"
            with_cookie = {"cookie": f"app={token}", "origin": "https://app.example"}
            assert ask(bridge.http, request(**with_cookie))[0] == 101
    with guarded(tmp_path) as closed:
        token = closed.mint("ann", "**")
        asked = request(origin="https://app.example", authorization=f"Bearer {token}")
        assert ask(closed.http, asked)[0] == 403, "without a list no page of another origin gets in"
    allowed = [argument for origin in ("https://other.example",) for argument in ("--allowed-origin", origin)]
    with guarded(tmp_path, *allowed) as other:
        asked = request(origin="https://other.example", authorization=f"Bearer {other.mint('ann')}")
        assert ask(other.http, asked)[0] == 101, "the negative control"


def test_ws_11_messages_that_are_no_frames_are_told_so(bridge):
    with control(bridge):
        with Peer(bridge.websocket) as peer:
            nonsense = [b"", b"null", b"[]", b"1", b'"a"', b"{", b"{}", b'{"type":1}', b"[" * 10_000,
                        json.dumps({str(number): number for number in range(10_000)})[:60_000].encode(),
                        json.dumps({f"{number}": 1 for number in range(5_000)}).encode()]
            for said in nonsense:
                peer.send(frame(TEXT, said))
                heard = peer.until("error")
                assert heard["data"]["code"] == 4005, (said[:20], heard)
            peer.say("connection.heartbeat", "h")
            assert peer.answer("h")["type"] == "connection.heartbeat", "the negative control: a frame, and it has survived"
        with Peer(bridge.websocket) as peer:
            peer.send(frame(BINARY, b"{}"))
            assert peer.close_code() == 1003


def test_ws_12_fragments_are_bounded_in_bytes_in_number_and_in_work(bridge, tmp_path):
    said = json.dumps({"type": "connection.heartbeat", "id": "h", "data": {}})
    padded = said + " " * 4_000
    with control(bridge):
        with Peer(bridge.websocket) as peer:
            small = [frame(TEXT, b"", fin=False)]
            small += [frame(0, byte.encode(), fin=False) for byte in padded]
            peer.send(*small, frame(0, b"", fin=True))
            assert peer.answer("h")["type"] == "connection.heartbeat", "a message of small fragments is one"
        began = cpu(bridge)
        with Peer(bridge.websocket) as peer:
            peer.send(frame(TEXT, b"", fin=False), frame(0, b"", fin=False) * 100_000)
            assert peer.close_code() == 1009
        with Peer(bridge.websocket) as peer:
            peer.send(frame(TEXT, b" ", fin=False), frame(0, b" ", fin=False) * 100_000)
            assert peer.close_code() == 1009
        assert cpu(bridge) - began < 2, "a debug build on a slow core; a second where it is built for speed"
    with serving(tmp_path, "--max-message-bytes", "200KiB") as generous, Peer(generous.websocket) as peer:
        peer.send(frame(TEXT, said.encode(), fin=False), frame(0, b" ", fin=False) * 100_000, frame(0, b""))
        assert peer.answer("h")["type"] == "connection.heartbeat", "the negative control"


def cpu(bridge):
    """The seconds of processor that the process has had."""
    fields = open(f"/proc/{bridge.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_ws_15_after_a_close_nothing_is_delivered_and_the_socket_goes(tmp_path):
    with serving(tmp_path, "--close-timeout", "1s") as bridge, control(bridge):
        closed = Peer(bridge.websocket)
        closed.subscribe("project:closing")
        closed.send(frame(CLOSE, struct.pack(">H", 1000)))
        # It keeps on sending, and an event is published meanwhile.
        closed.send(*[frame(TEXT, b'{"type":"connection.heartbeat"}')] * 50)
        assert publish(bridge, "process.progress", {"projectId": "closing", "processId": "p"})[0] == 200
        heard = []
        with pytest.raises(Ended):
            while True:
                heard.append(closed.receive(10))
        codes = [payload for opcode, payload in heard if opcode == CLOSE]
        assert codes == [struct.pack(">H", 1000)] and heard[-1][0] == CLOSE, heard
        # Ours is not answered: the socket goes all the same, at the time that is configured.
        silent = Peer(bridge.websocket)
        silent.send(frame(TEXT, b"x", mask=None))
        began = time.monotonic()
        assert silent.close_code(PATIENCE) == 1002
        assert time.monotonic() - began < 10
        eventually(lambda: is_cut(silent), "the socket is dropped at the close timeout")
    with serving(tmp_path, "--close-timeout", "1m") as patient:
        peer = Peer(patient.websocket)
        peer.send(frame(TEXT, b"x", mask=None))
        assert peer.close_code() == 1002 and not is_cut(peer), "the negative control: it is given its time"


def is_cut(peer):
    """Whether writing fails: the other end is gone, not only silent."""
    try:
        peer.stream.sendall(frame(PING))
        return False
    except OSError:
        return True
