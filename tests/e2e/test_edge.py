"""What comes before every port's protocol: who may enter, in which order that is asked, and what the slow cost."""

import contextlib
import itertools
import json
import re
import socket
import time
import urllib.error
import urllib.request

import grpc
import pytest
from certificates import Authority
from conftest import PATIENCE, eventually, running
from test_proxies import CONFIGURATIONS, free_port, process, spoken
from test_tls import address, client_hello, publish, tls, trusting

PORTS = ("listen", "grpc", "admin")
EVERYWHERE = ["--proxy-protocol", "--grpc-proxy-protocol", "--admin-proxy-protocol", "--trusted-proxy", "127.0.0.1"]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5)
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
NO_MATTER = ["--handshakes-per-second", "100000", "--handshakes-per-address", "off"]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("own") / "own")
    authority.sign("bridge")
    return authority


def announced(client):
    return f"PROXY TCP4 {client} 192.0.2.1 56324 443\r\n".encode()


def reached(bridge, port):
    return socket.create_connection(address(bridge.addresses[port]), PATIENCE)


def first_bytes(tcp):
    """What the other side says first; nothing when it closes."""
    with contextlib.suppress(ConnectionError):
        return tcp.recv(1000)
    return b""


CLIENTS = (f"198.51.100.{number}" for number in itertools.cycle(range(1, 255)))
"""Whoever scrapes is somebody else each time: no limit of an address is in the way."""


def metrics(bridge, over_proxy=False):
    """A scrape, behind a PROXY header where the internal port asks for one."""
    header = announced(next(CLIENTS)) if over_proxy else b""
    with reached(bridge, "admin") as tcp:
        tcp.sendall(header + b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        tcp.settimeout(PATIENCE)
        text = b"".join(iter(lambda: tcp.recv(1 << 16), b"")).decode()
    lines = (line.rsplit(" ", 1) for line in text.split("\r\n\r\n", 1)[1].splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def hits(bridge, limit, over_proxy=False):
    return metrics(bridge, over_proxy)[f'rialto_limit_hits_total{{limit="{limit}"}}']


def test_an_address_is_asked_for_behind_its_proxy_header_and_before_tls(own, tmp_path):
    options = ["--proxy-protocol", "--trusted-proxy", "127.0.0.1", *tls(own.folder), "--tls-port", "listen"]
    with running(["serve", *options, "--handshakes-per-address", "1"], tmp_path) as bridge:
        hello = client_hello()
        # Ten seconds' worth at once: each of them is answered with the beginning of a handshake.
        for _ in range(10):
            with reached(bridge, "listen") as tcp:
                tcp.sendall(announced("192.0.2.7") + hello)
                assert first_bytes(tcp)[:1] == b"\x16"
        refused, deadline = 0, time.monotonic() + PATIENCE
        while refused == 0:
            assert time.monotonic() < deadline, "nobody is refused"
            with reached(bridge, "listen") as tcp:
                tcp.sendall(announced("192.0.2.7"))
                # It does not wait for what would cost it something.
                refused += first_bytes(tcp) == b"" if is_closed(tcp) else 0
        with reached(bridge, "listen") as tcp:
            tcp.sendall(announced("192.0.2.8") + hello)
            assert first_bytes(tcp)[:1] == b"\x16", "another address is another one"
        assert hits(bridge, "handshakes-per-address") >= 1
        assert "limit=handshakes-per-address" in re.sub(r"\x1b\[[0-9;]*m", "", bridge.said()).replace('"', "")


def is_closed(tcp):
    """Whether the bridge has closed a connection that waits for our next bytes; a moment may pass until it has."""
    tcp.settimeout(0.2)
    try:
        return tcp.recv(1, socket.MSG_PEEK) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    finally:
        tcp.settimeout(PATIENCE)


def test_who_comes_too_fast_is_told_so_where_that_costs_nothing(tmp_path):
    options = ["--proxy-protocol", "--trusted-proxy", "127.0.0.1", "--handshakes-per-address", "1"]
    with running(["serve", *options], tmp_path) as bridge:
        answers, deadline = [], time.monotonic() + PATIENCE
        while b"HTTP/1.1 429 Too Many Requests" not in answers:
            assert time.monotonic() < deadline
            answer, tcp = spoken(bridge, announced("192.0.2.7"))
            tcp.close()
            answers.append(answer)
        assert answers[:10] == [b"HTTP/1.1 101 Switching Protocols"] * 10
        answer, tcp = spoken(bridge, announced("192.0.2.8"))
        tcp.close()
        assert answer == b"HTTP/1.1 101 Switching Protocols"


def test_the_first_headers_have_what_the_silence_before_them_has_left(tmp_path):
    with running(["serve", "--handshake-timeout", "4s"], tmp_path) as bridge, reached(bridge, "listen") as tcp:
        begun = time.monotonic()
        tcp.settimeout(3)
        with pytest.raises(TimeoutError):
            tcp.recv(1)
        tcp.settimeout(PATIENCE)
        tcp.sendall(b"G")
        assert first_bytes(tcp) == b""
        # From the byte on it would have had four seconds more.
        assert time.monotonic() - begun < 7
        assert hits(bridge, "handshake-timeout") == 1


def test_a_header_proxys_clients_have_a_rate_each_for_their_upgrades(tmp_path):
    options = ["--trusted-proxy", "127.0.0.1", "--handshakes-per-address", "1"]
    of = lambda client, request: request + f"X-Forwarded-For: {client}\r\n\r\n".encode()  # noqa: E731
    with running(["serve", *options], tmp_path) as bridge:

        def asked(client):
            with reached(bridge, "listen") as tcp:
                tcp.sendall(of(client, UPGRADE))
                return first_bytes(tcp)

        answers, deadline = [], time.monotonic() + PATIENCE
        while not answers or answers[-1].startswith(b"HTTP/1.1 101"):
            assert time.monotonic() < deadline
            answers.append(asked("192.0.2.7"))
        assert len(answers) > 10, "ten seconds' worth at once"
        assert answers[-1].startswith(b"HTTP/1.1 429") and b"\r\nretry-after: " in answers[-1].lower()
        assert b"connections a second" in answers[-1]
        assert asked("192.0.2.8").startswith(b"HTTP/1.1 101"), "somebody else of the same proxy"
        for _ in range(30):
            assert asked("127.0.0.1").startswith(b"HTTP/1.1 101"), "loopback has no rate"
        # Of what a proxy keeps open only the first request is a new connection, and every upgrade.
        with reached(bridge, "listen") as kept:
            for _ in range(30):
                kept.sendall(of("192.0.2.9", b"GET /health HTTP/1.1\r\nHost: a\r\n"))
                assert first_bytes(kept).startswith(b"HTTP/1.1 200")
            kept.sendall(of("192.0.2.7", UPGRADE))
            assert first_bytes(kept).startswith(b"HTTP/1.1 429")
        assert hits(bridge, "handshakes-per-address") >= 2


def test_a_full_address_is_refused_on_every_port_by_its_own_limit(tmp_path):
    limits = ["--max-connections-per-address", "1", "--max-grpc-connections-per-address", "1"]
    limits += ["--max-admin-connections-per-address", "1"]
    with running(["serve", *EVERYWHERE, *limits], tmp_path) as bridge, contextlib.ExitStack() as stack:
        said = {
            "listen": UPGRADE + b"\r\n",
            "grpc": PREFACE,
            "admin": b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n",
        }
        for port in PORTS:
            held = stack.enter_context(reached(bridge, port))
            held.sendall(announced("192.0.2.7") + said[port])
            assert first_bytes(held) != b""
            with reached(bridge, port) as beyond:
                beyond.sendall(announced("192.0.2.7") + said[port])
                answer = first_bytes(beyond)
                assert answer == b"" if port == "grpc" else answer.startswith(b"HTTP/1.1 429"), (port, answer)
            with reached(bridge, port) as other:
                other.sendall(announced("192.0.2.8") + said[port])
                answer = first_bytes(other)
                assert answer != b"" and not answer.startswith(b"HTTP/1.1 429"), (port, answer)
        for name in ("", "grpc-", "admin-"):
            assert hits(bridge, f"max-{name}connections-per-address", over_proxy=True) == 1, name
        found = metrics(bridge, over_proxy=True)
        assert found['rialto_port_connections{port="grpc"}'] == 1 and found['rialto_port_connections{port="listen"}'] == 1


def test_every_port_takes_the_proxy_protocol_from_trusted_addresses_only(tmp_path):
    with running(["serve", *EVERYWHERE, "--log-level", "debug"], tmp_path) as bridge:
        for port in PORTS:
            for header, source, gets_in in [
                (announced("192.0.2.7"), "127.0.0.1", True),
                (b"PROXY UNKNOWN\r\n", "127.0.0.1", True),
                (b"", "127.0.0.1", False),
                (announced("192.0.2.7"), "127.0.0.2", False),
            ]:
                host, number = address(bridge.addresses[port])
                with socket.create_connection((host, number), PATIENCE, (source, 0)) as tcp:
                    with contextlib.suppress(ConnectionError):
                        tcp.sendall(header + (PREFACE if port == "grpc" else b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                    assert (first_bytes(tcp) != b"") == gets_in, (port, header, source)
        assert metrics(bridge, over_proxy=True)["rialto_proxy_headers_refused_total"] >= 6


def test_nobody_believes_headers_on_a_connection_that_a_proxy_names_nobody_for(tmp_path):
    forged = UPGRADE + b"X-Forwarded-For: 203.0.113.66\r\n\r\n"
    v2 = b"\r\n\r\n\0\r\nQUIT\n"
    options = [*EVERYWHERE, "--log-level", "debug"]
    with running(["serve", *options], tmp_path) as bridge:
        for header in (b"PROXY UNKNOWN\r\n", v2 + b"\x20\0\0\0", v2 + b"\x21\0\0\0", announced("192.0.2.7")):
            with reached(bridge, "listen") as tcp:
                tcp.sendall(header + forged)
                assert first_bytes(tcp).startswith(b"HTTP/1.1 101"), header
        eventually(lambda: bridge.said().count("connection opened") == 4, "all of them are in")
        assert "203.0.113.66" not in bridge.said()
        # The control: behind one proxy stands another one, which is trusted and speaks in headers.
        with reached(bridge, "listen") as tcp:
            tcp.sendall(announced("127.0.0.1") + forged)
            assert first_bytes(tcp).startswith(b"HTTP/1.1 101")
        eventually(lambda: "peer=203.0.113.66:0" in bridge.said(), "a trusted proxy's word")


@pytest.mark.parametrize("entry", ["proxy", "tls"])
def test_the_slow_hold_up_nobody_and_are_cut_at_the_deadline(entry, own, tmp_path):
    hello = client_hello()
    options = {"proxy": EVERYWHERE, "tls": [*tls(own.folder), "--max-handshakes", "1"]}[entry]
    slow = {"proxy": [b"", b"PROXY TCP4 192", b"\r\n\r\n\0\r\nQUIT\n\x21"], "tls": [b"", hello[:20], hello]}[entry]
    deadline = "20s"
    with running(["serve", *options, *NO_MATTER, "--handshake-timeout", deadline], tmp_path) as bridge:
        for port in PORTS:
            with contextlib.ExitStack() as stack:
                held = []
                for number in range(60):
                    held.append(stack.enter_context(reached(bridge, port)))
                    held[-1].sendall(slow[number % len(slow)])
                for _ in range(5):
                    began = time.monotonic()
                    with reached(bridge, port) as good:
                        if entry == "tls":
                            context = trusting(own.ca)
                            context.set_alpn_protocols(["h2" if port == "grpc" else "http/1.1"])
                            good = stack.enter_context(context.wrap_socket(good, server_hostname="localhost"))
                        else:
                            good.sendall(announced("192.0.2.7"))
                        good.sendall(PREFACE if port == "grpc" else b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                        assert first_bytes(good) != b""
                    assert time.monotonic() - began < 15, "it did not wait for the slow ones' deadline"
    with running(["serve", *options, *NO_MATTER, "--handshake-timeout", "300ms"], tmp_path) as bridge:
        for port in PORTS:
            for said in slow:
                with reached(bridge, port) as tcp:
                    tcp.sendall(said)
                    with contextlib.suppress(ConnectionError):
                        while tcp.recv(4096):
                            pass
        assert "handshake-timeout" in bridge.said()


def test_publishers_come_over_a_balancer_that_passes_their_tls_through(own, stubs, tmp_path):
    options = [*tls(own.folder), "--tls-port", "grpc", "--grpc-proxy-protocol", "--trusted-proxy", "127.0.0.1"]
    with running(["serve", *options], tmp_path) as bridge:
        port, file = free_port(), tmp_path / "haproxy.cfg"
        text = CONFIGURATIONS["haproxy-grpc"]
        for old, new in [("127.0.0.1:50051", bridge.grpc), ("bind :50443", f"bind 127.0.0.1:{port}")]:
            assert old in text, f"{old} is not in the configuration any more"
            text = text.replace(old, new)
        file.write_text(text)
        with process(["haproxy", "-f", file], port, tmp_path):
            credentials = grpc.ssl_channel_credentials(own.ca.read_bytes())
            with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
                for number in range(3):
                    publish(stubs, channel, number)
        assert metrics(bridge)['rialto_acks_total{code="OK"}'] == 3


def test_tokens_that_would_cross_a_network_as_they_are_are_warned_of(own, tmp_path):
    (tmp_path / "publishers.toml").write_text("publisher = []\n")
    (tmp_path / "token").write_text("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e\n")
    options = ["--publishers", tmp_path / "publishers.toml", "--admin-token-file", tmp_path / "token"]
    everywhere = {"grpc": "0.0.0.0:0", "admin": "0.0.0.0:0"}
    for more, addresses, told in [([], everywhere, 2), (tls(own.folder), everywhere, 0), ([], {}, 0)]:
        with running(["serve", *options, *more], tmp_path, addresses=addresses) as bridge:
            assert bridge.said().count("cross the network as they are") == told, (more, addresses)


def test_a_forwarded_host_is_believed_beside_the_own_one_only(tmp_path):
    with running(["demo", "--trusted-proxy", "127.0.0.1"], tmp_path) as bridge:
        for headers, status in [
            ({"Host": "localhost"}, 200),
            ({"Host": "localhost", "X-Forwarded-Host": "127.0.0.1:8443"}, 200),
            ({"Host": "localhost", "X-Forwarded-Host": "evil.example"}, 421),
            # A page of this name, which leads straight to this machine.
            ({"Host": "evil.example", "X-Forwarded-Host": "localhost"}, 421),
        ]:
            request = urllib.request.Request(f"{bridge.http}/demo/node.json", headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    found, _ = answer.status, json.load(answer)
            except urllib.error.HTTPError as refused:
                found = refused.code
            assert found == status, headers
