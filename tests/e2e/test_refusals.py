"""What is asked of every request over HTTP, and the one form in which it is refused; requests are written by hand."""

import contextlib
import gzip
import json
import socket

import pytest
from conftest import PATIENCE, eventually, running
from test_identity import PAGE, guarded, mint
from test_tls import address

__all__ = ["guarded"]

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)
HOST = "Host: localhost"
PATIENT = ["--handshake-timeout", "10m", "--http-connection-age", "10m"]
"""For connections that are held: a slow test must not lose them."""
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class Answer:
    """What came: the status, the headers as text and the body, of which an upgrade has none."""

    def __init__(self, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = stream.recv(1)
            assert byte, f"the connection ended behind {head!r}"
            head += byte
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.body = b""
        while len(self.body) < int(self.headers.get("content-length", 0)):
            self.body += stream.recv(65536)

    @property
    def info(self):
        """The refusal's code, and of its `ErrorInfo` the reason and the code that browsers see."""
        assert self.headers["content-type"] == "application/json", self.headers
        body = json.loads(self.body)
        assert body["message"] and body["details"][0]["@type"] == ERROR_INFO, body
        info = body["details"][0]
        assert info["domain"] == "rialto"
        return body["code"], info["reason"], info.get("metadata", {}).get("code")


def asked(where, *lines, path="/ws", method="GET", version="1.1", body=b""):
    with socket.create_connection(address(where.removeprefix("http://")), PATIENCE) as stream:
        stream.sendall("\r\n".join([f"{method} {path} HTTP/{version}", *lines, "", ""]).encode("latin-1") + body)
        return Answer(stream)


def test_an_upgrade_with_more_than_one_origin_is_no_pages(guarded):
    token = mint(guarded, "ann", "--permission", "*")
    good, bearer, cookie = f"Origin: {PAGE}", f"Authorization: Bearer {token}", f"Cookie: app={token}"
    for credential in (bearer, cookie):
        assert asked(guarded.http, HOST, *UPGRADE, credential, good).status == 101
        for origins in [
            (good, "Origin: https://evil.example"),
            ("Origin: https://evil.example", good),
            (good, "Origin: null"),
            (good, good),
        ]:
            answer = asked(guarded.http, HOST, *UPGRADE, credential, *origins)
            assert answer.status == 403, (origins, answer.status)
            assert answer.info == ("PERMISSION_DENIED", "permission_denied", "4003")


def test_health_is_answered_where_a_full_bridge_refuses_everything_else(tmp_path):
    for base, below in (("", ""), ("/live", "/live")):
        options = [*PATIENT, "--max-connections", "1", "--max-admin-connections", "1", *(["--base-path", base] if base else [])]
        with running(["serve", *options], tmp_path) as bridge, contextlib.ExitStack() as stack:
            for where, prefix in ((bridge.http, below), (bridge.admin, "")):
                held = stack.enter_context(socket.create_connection(address(where.removeprefix("http://")), PATIENCE))
                held.sendall(f"GET {prefix}/health HTTP/1.1\r\n{HOST}\r\n\r\n".encode())
                assert Answer(held).status == 200
                health = asked(where, HOST, path=f"{prefix}/health?probe=1")
                assert health.status == 200 and json.loads(health.body)["status"] == "ok"
                assert health.headers["connection"] == "close"
                for path in (f"{prefix}/ready", f"{prefix}/ws", f"{prefix}/health/", f"{prefix}/metrics", "/other"):
                    answer = asked(where, HOST, path=path)
                    assert answer.status == 503, (path, answer.status)
                    assert answer.info == ("RESOURCE_EXHAUSTED", "overloaded", "4103")
                    assert answer.headers["retry-after"] == "5" and answer.headers["connection"] == "close"
            if base:
                assert asked(bridge.http, HOST, path="/health").status == 503


def test_an_address_that_has_enough_is_told_the_code_and_may_ask_for_health(tmp_path):
    options = [*PATIENT, "--max-connections-per-address", "1", "--proxy-protocol", "--trusted-proxy", "127.0.0.1"]
    with running(["serve", *options], tmp_path) as bridge:
        header = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n"

        def come(stream, path):
            stream.sendall(header + f"GET {path} HTTP/1.1\r\n{HOST}\r\n\r\n".encode())
            return Answer(stream)

        with socket.create_connection(address(bridge.addresses["listen"]), PATIENCE) as held:
            assert come(held, "/ready").status == 200
            with socket.create_connection(address(bridge.addresses["listen"]), PATIENCE) as beyond:
                answer = come(beyond, "/ready")
                assert answer.status == 429
                assert answer.info == ("RESOURCE_EXHAUSTED", "overloaded", "4103")
            with socket.create_connection(address(bridge.addresses["listen"]), PATIENCE) as probe:
                assert come(probe, "/health").status == 200


def test_what_is_refused_for_want_of_room_leaves_room_again(tmp_path):
    with running(["serve", *PATIENT, "--max-connections", "1"], tmp_path) as bridge:
        with socket.create_connection(address(bridge.addresses["listen"]), PATIENCE) as held:
            held.sendall(f"GET /health HTTP/1.1\r\n{HOST}\r\n\r\n".encode())
            assert Answer(held).status == 200
            # More than are ever told at once.
            for _ in range(100):
                assert asked(bridge.http, HOST, path="/health").status == 200
        eventually(lambda: asked(bridge.http, HOST, path="/ready").status == 200, "there is room again")


@pytest.mark.parametrize("port", ["http", "admin"])
def test_a_request_says_once_whom_it_is_addressed_to(bridge, port):
    where = getattr(bridge, port)
    for path, more, good in (("/health", (), 200), ("/ws", UPGRADE, 101 if port == "http" else 404)):
        assert asked(where, HOST, *more, path=path).status == good
        for hosts in [(), (HOST, HOST), (HOST, "Host: evil.example"), ("Host:",), ("Host: a/b",), ("Host: a b",), ("Host: a@localhost",)]:
            answer = asked(where, *hosts, *more, path=path)
            assert answer.status == 400, (path, hosts, answer.status)
            assert answer.info == ("INVALID_ARGUMENT", "protocol_violation", "4500")
            assert answer.headers["connection"] == "close"
    assert asked(where, path="/health", version="1.0").status == 200, "HTTP/1.0 has no Host"
    assert asked(where, HOST, HOST, path="/health", version="1.0").status == 400
    assert asked(where, path="http://localhost/health").status == 400, "nor does this form of the line stand for it"
    # Publishing is refused before it is read.
    event = b'{"type":"process.progress","data":{"projectId":"1","processId":"p","progress":5}}'
    length = f"Content-Length: {len(event)}"
    answer = asked(bridge.admin, "Content-Type: application/json", length, path="/v1/publish", method="POST", body=event)
    assert answer.status == 400 and answer.info[1] == "protocol_violation"


def test_an_upgrade_has_no_body(bridge):
    for lines, status in [
        ((), 101),
        (("Content-Length: 0",), 101),
        (("Content-Length: 5",), 400),
        (("Transfer-Encoding: chunked",), 400),
    ]:
        answer = asked(bridge.http, HOST, *UPGRADE, *lines)
        assert answer.status == status, lines
        if status == 400:
            assert answer.info == ("INVALID_ARGUMENT", "protocol_violation", "4500")
            assert answer.headers["connection"] == "close"
    early = asked(bridge.http, HOST, *UPGRADE, "Content-Length: 8", body=b"\x89\x82\0\0\0\0hi")
    assert early.status == 400, "bytes that are a body or a ping, as they come"


def test_a_query_is_taken_as_it_is_or_not_at_all(guarded):
    bearer = f"Authorization: Bearer {mint(guarded, 'ann', '--permission', '*')}"
    assert asked(guarded.http, HOST, *UPGRADE, bearer, path="/ws?session_id=%C3%A4+b").status == 101
    for query in ("session_id=%ff", "session_id=%fe", "session_id=%zz", "session_id=%", "token=%ff", "token=%4", "%fe=1"):
        answer = asked(guarded.http, HOST, *UPGRADE, bearer, path=f"/ws?{query}")
        assert answer.status == 400, query
        assert answer.info == ("INVALID_ARGUMENT", "invalid_message", "4005")


def test_every_refusal_has_one_form(bridge):
    page = "Origin: https://evil.example"
    for lines, path, status, info in [
        ((*UPGRADE, page), "/ws", 403, ("PERMISSION_DENIED", "permission_denied", "4003")),
        (UPGRADE, "/ws?session_id=", 400, ("INVALID_ARGUMENT", "invalid_message", "4005")),
        (UPGRADE, "/ws?session_id=a&session_id=b", 400, ("INVALID_ARGUMENT", "invalid_message", "4005")),
        (UPGRADE[:3], "/ws", 400, ("INVALID_ARGUMENT", "protocol_violation", "4500")),
        ((), "/ws", 426, ("INVALID_ARGUMENT", "protocol_violation", "4500")),
        ((), "/nothing", 404, ("NOT_FOUND", "NOT_FOUND", None)),
    ]:
        answer = asked(bridge.http, HOST, *lines, path=path)
        assert (answer.status, answer.info) == (status, info), path
    answer = asked(bridge.http, HOST, method="POST")
    assert (answer.status, answer.headers["allow"], answer.info[2]) == (405, "GET", "4500")
    answer = asked(bridge.http, HOST)
    assert (answer.headers["upgrade"], answer.headers["sec-websocket-version"]) == ("websocket", "13")


def test_a_body_in_a_coding_is_not_taken_whatever_it_is(bridge):
    event = b'{"type":"process.progress","data":{"projectId":"1","processId":"p","progress":5}}'
    for path, body in [("/v1/publish", event), ("/rialto.v1.AdminService/GetNode", b"{}")]:
        for coding, sent, status in [
            (None, body, 200),
            ("identity", body, 200),
            ("gzip", body, 415),
            ("gzip", gzip.compress(body), 415),
            ("br, gzip", body, 415),
        ]:
            lines = [HOST, "Content-Type: application/json", f"Content-Length: {len(sent)}"]
            lines += [f"Content-Encoding: {coding}"] if coding else []
            answer = asked(bridge.admin, *lines, path=path, method="POST", body=sent)
            assert answer.status == status, (path, coding)
            if status == 415:
                assert answer.info[:2] == ("INVALID_ARGUMENT", "CONTENT_ENCODED")
                assert answer.headers["accept-encoding"] == "identity"
