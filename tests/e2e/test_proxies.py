"""Behind real proxies, by the configurations of docs/proxies.md as they stand there."""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import grpc
import pytest
from certificates import Authority
from conftest import PATIENCE, PROGRAM, ROOT, eventually, running
from test_clients import progress
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PAGE = (ROOT / "docs" / "proxies.md").read_text()
BLOCK = re.compile(r"<!-- proxy: ([a-z-]+) -->\n```[a-z]+\n(.*?)```", re.DOTALL)
CONFIGURATIONS = dict(BLOCK.findall(PAGE))
ORIGIN = "https://events.example.com"
CHANNEL = "project:été 7"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The certificate of the proxies, and of the bridge."""
    authority = Authority(tmp_path_factory.mktemp("edge") / "own")
    authority.sign("events")
    return authority


def free_port():
    """A port that nobody had a moment ago. Proxies cannot tell which one they took."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def written(name, own, bridge, port, more=()):
    """A configuration of the page, with this bridge, this port and these certificates in it."""
    text = CONFIGURATIONS[name]
    changes = [
        ("/etc/ssl/events.crt", str(own.folder / "events.crt")),
        ("/etc/ssl/events.key", str(own.folder / "events.key")),
        ("/etc/ssl/internal-ca.pem", str(own.ca)),
        ("127.0.0.1:8080", bridge.addresses["listen"]),
        *more,
    ]
    for old, new in changes:
        if old in text or (old, new) in more:
            assert old in text, f"{old} is not in the configuration of {name} any more"
            text = text.replace(old, new)
    # As whole numbers: the ports that were free may hold them.
    assert not re.search(r"(?<!\d)(8080|443)(?!\d)", text), text
    return text


@contextlib.contextmanager
def process(command, port, folder, environment=None):
    """A proxy until the end of the block. It ends by its own number."""
    assert shutil.which(command[0]), f"{command[0]} is not installed; tests/e2e/tools.sh does"
    with open(folder / f"{command[0]}.log", "w+") as log:
        proxy = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
        )
        try:
            eventually(lambda: proxy.poll() is not None or listens(port), f"{command[0]} listens")
            assert proxy.poll() is None, (folder / f"{command[0]}.log").read_text()
            yield port
        finally:
            proxy.terminate()
            try:
                proxy.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                proxy.kill()
                proxy.wait()


def listens(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


@contextlib.contextmanager
def nginx(name, own, bridge, folder, more=()):
    port = free_port()
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = written(name, own, bridge, port, [("listen 443", f"listen 127.0.0.1:{port}"), *more])
    file = folder / "nginx.conf"
    file.write_text(text.replace("http {", f"http {{ access_log off; {places}"))
    own_files = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;"
    with process(["nginx", "-p", folder, "-e", folder / "error.log", "-c", file, "-g", own_files], port, folder) as port:
        yield port


@contextlib.contextmanager
def caddy(name, own, bridge, folder, more=()):
    port = free_port()
    site = ("events.example.com {", f"https://localhost:{port} {{\n\tbind 127.0.0.1")
    text = written(name, own, bridge, port, [site, *more])
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n" + text)
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with process(["caddy", "run", "--config", file, "--adapter", "caddyfile"], port, folder, home) as port:
        yield port


@contextlib.contextmanager
def haproxy(name, own, bridge, folder):
    port = free_port()
    file = folder / "haproxy.cfg"
    file.write_text(written(name, own, bridge, port, [("bind :443", f"bind 127.0.0.1:{port}")]))
    with process(["haproxy", "-f", file], port, folder) as port:
        yield port


def trusting(own):
    context = ssl.create_default_context(cafile=own.ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def opened(port, own, path="/live/ws", source="127.0.0.1", **more):
    url = f"wss://localhost:{port}{path}"
    tcp = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
    more = {"open_timeout": PATIENCE, "close_timeout": PATIENCE, "ping_interval": None, **more}
    try:
        return connect(url, sock=tcp, ssl=trusting(own), server_hostname="localhost", **more)
    except BaseException:
        tcp.close()
        raise


def next_of(websocket, kind):
    while True:
        frame = json.loads(websocket.recv(PATIENCE))
        if frame["type"] == kind:
            return frame


def follow(websocket):
    websocket.send(json.dumps({"type": "channel.subscribe", "channels": [{"name": CHANNEL}]}))
    while next_of(websocket, "channel.subscribed")["data"]["channel"] != CHANNEL:
        pass


def publish(bridge, stubs, count):
    with grpc.insecure_channel(bridge.grpc) as channel:
        stub = stubs.services.PublisherServiceStub(channel)
        for number in range(count):
            stub.Publish(stubs.publisher.PublishRequest(event=progress(stubs, number)), timeout=PATIENCE)


BEHIND = ["--base-path", "/live", "--trusted-proxy", "127.0.0.1", "--allowed-origin", ORIGIN, "--log-level", "debug"]


def test_nginx_passes_events_and_says_whose_connection_it_is(own, stubs, tmp_path):
    limits = ["--max-connections-per-address", "2", "--heartbeat-interval", "250ms"]
    # Those who come from 127.0.0.0/8 are hops here, as the networks of a content delivery service are.
    options = ["serve", *BEHIND, "--trusted-proxy", "127.0.0.0/8", *limits]
    patience = [("proxy_read_timeout 90s", "proxy_read_timeout 1s")]
    with running(options, tmp_path) as bridge, nginx("nginx", own, bridge, tmp_path, patience) as port:
        with opened(port, own, origin=ORIGIN) as websocket:
            follow(websocket)
            publish(bridge, stubs, 20)
            assert [next_of(websocket, "process.progress")["sequence"] for _ in range(20)] == list(range(1, 21))
            # Longer than nginx waits: what the bridge says now and then keeps it open.
            for _ in range(16):
                next_of(websocket, "connection.heartbeat")
        with pytest.raises(InvalidStatus) as refused:
            opened(port, own, origin="https://events.example.com.evil.test")
        assert refused.value.response.status_code == 403
        one = {"X-Forwarded-For": "203.0.113.66, 192.0.2.7"}
        with opened(port, own, additional_headers=one) as first, opened(port, own, additional_headers=one):
            next_of(first, "connection.ack")
            with pytest.raises(InvalidStatus) as refused:
                opened(port, own, additional_headers=one)
            assert refused.value.response.status_code == 429
            # Another client over the same proxy, and one that writes what is no address.
            for other in ("192.0.2.8", "203.0.113.66", "nonsense"):
                with opened(port, own, additional_headers={"X-Forwarded-For": other}) as websocket:
                    next_of(websocket, "connection.ack")
        assert "peer=192.0.2.7:0" in bridge.said()
        with opened(port, own, additional_headers=one) as again:
            next_of(again, "connection.ack")
        with urllib.request.urlopen(f"https://localhost:{port}/live/health", context=trusting(own)) as answer:
            assert json.load(answer)["status"] == "ok"
        for path in ("/health", "/live", "/livehealth", "/live/live/health"):
            with pytest.raises(urllib.error.HTTPError) as missing:
                urllib.request.urlopen(f"{bridge.http}{path}")
            assert missing.value.code == 404, path


@pytest.mark.parametrize("to_bridge", ["plain", "tls"])
def test_caddy_passes_events_and_says_whose_connection_it_is(to_bridge, own, stubs, tmp_path):
    tls = ["--tls-cert", own.folder / "events.crt", "--tls-key", own.folder / "events.key", "--tls-port", "listen"]
    name, more = ("caddy-tls", tls) if to_bridge == "tls" else ("caddy", [])
    with running(["serve", *BEHIND, *more], tmp_path) as bridge, caddy(name, own, bridge, tmp_path) as port:
        with opened(port, own, source="127.0.0.7", origin=ORIGIN) as websocket:
            follow(websocket)
            publish(bridge, stubs, 20)
            assert [next_of(websocket, "process.progress")["sequence"] for _ in range(20)] == list(range(1, 21))
        # Who comes to Caddy from outside and brings a header of his own is not believed, by Caddy already.
        with opened(port, own, source="127.0.0.8", additional_headers={"X-Forwarded-For": "192.0.2.7"}) as websocket:
            next_of(websocket, "connection.ack")
        said = bridge.said()
        assert "peer=127.0.0.7:0" in said and "peer=127.0.0.8:0" in said and "192.0.2.7" not in said
        following = [PROGRAM, "subscribe", CHANNEL, "--url", f"wss://localhost:{port}/live/ws", "--ca", own.ca]
        done = subprocess.run([*following, "--history", "3", "--count", "3", "--json"], capture_output=True, timeout=PATIENCE)
        assert done.stdout.count(b"process.progress") >= 3, done.stderr


@pytest.mark.parametrize("proxy", ["haproxy", "nginx-stream"])
def test_tls_goes_through_to_the_bridge_behind_the_proxy_protocol(proxy, own, stubs, tmp_path):
    tls = ["--tls-cert", own.folder / "events.crt", "--tls-key", own.folder / "events.key", "--tls-port", "listen"]
    options = ["serve", *BEHIND, *tls, "--proxy-protocol", "--max-connections-per-address", "1"]
    start = haproxy if proxy == "haproxy" else nginx
    with running(options, tmp_path) as bridge, start(proxy, own, bridge, tmp_path) as port:
        with opened(port, own, source="127.0.0.9", origin=ORIGIN) as websocket:
            follow(websocket)
            publish(bridge, stubs, 20)
            assert [next_of(websocket, "process.progress")["sequence"] for _ in range(20)] == list(range(1, 21))
        assert re.search(r"peer=127\.0\.0\.9:[1-9]", bridge.said())


def spoken(bridge, header, source="127.0.0.1"):
    """The status line that a request behind this header gets, and the connection that it came on."""
    host, port = bridge.addresses["listen"].rsplit(":", 1)
    tcp = socket.create_connection((host, int(port)), PATIENCE, (source, 0))
    request = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    with contextlib.suppress(ConnectionError):
        tcp.sendall(header + request.encode() + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        answer = tcp.recv(1000).split(b"\r\n")[0]
        return answer, tcp
    return b"", tcp


def test_the_proxy_protocol_is_asked_for_and_believed_from_trusted_addresses_only(tmp_path):
    options = ["--proxy-protocol", "--trusted-proxy", "127.0.0.1", "--max-connections-per-address", "1"]
    switching, refused, closed = b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 429 Too Many Requests", b""
    first = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n"
    v2 = b"\r\n\r\n\0\r\nQUIT\n"
    client = v2 + b"\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 1, 1, 2, 3, 4])
    with running(["serve", *options, "--handshake-timeout", "500ms"], tmp_path) as bridge, contextlib.ExitStack() as stack:
        for header, source, expected in [
            (first, "127.0.0.1", switching),
            (first, "127.0.0.1", refused),
            (client, "127.0.0.1", refused),
            (b"PROXY TCP4 192.0.2.8 192.0.2.1 56324 443\r\n", "127.0.0.1", switching),
            # The proxy for itself: loopback, which has no such limit.
            (b"PROXY UNKNOWN\r\n", "127.0.0.1", switching),
            (v2 + b"\x20\0\0\0", "127.0.0.1", switching),
            (b"", "127.0.0.1", closed),
            (b"PROXY TCP4 nonsense\r\n", "127.0.0.1", closed),
            (b"PROXY ", "127.0.0.1", closed),
            (b"PROXY TCP4 192.0.2.9 192.0.2.1 56324 443\r\n", "127.0.0.2", closed),
            (b"", "127.0.0.2", closed),
        ]:
            answer, tcp = spoken(bridge, header, source)
            stack.enter_context(tcp)
            assert answer == expected, (header, source)
        # A header that never ends is cut at the deadline of every opening.
        host, port = bridge.addresses["listen"].rsplit(":", 1)
        with socket.create_connection((host, int(port)), PATIENCE) as tcp:
            tcp.sendall(b"PROXY TCP4 192")
            with contextlib.suppress(ConnectionError):
                assert tcp.recv(100) == b""


def test_headers_of_nobody_who_is_trusted_are_nothing(tmp_path):
    with running(["serve", "--max-connections-per-address", "1", "--log-level", "debug"], tmp_path) as bridge:
        header = {"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7"}
        with connect(bridge.websocket, additional_headers=header) as one, connect(bridge.websocket) as two:
            next_of(one, "connection.ack")
            next_of(two, "connection.ack")
        assert "192.0.2.7" not in bridge.said()


@pytest.mark.parametrize("written_by", ["x-forwarded-for", "forwarded"])
def test_one_header_counts_and_the_other_is_ignored(written_by, tmp_path):
    options = ["--trusted-proxy", "127.0.0.1", "--proxy-header", written_by, "--log-level", "debug"]
    headers = {"X-Forwarded-For": "192.0.2.7", "Forwarded": 'for="[2001:db8::7]:99"'}
    client = {"x-forwarded-for": "192.0.2.7:0", "forwarded": "[2001:db8::7]:99"}[written_by]
    with running(["serve", *options], tmp_path) as bridge:
        with connect(bridge.websocket, additional_headers=headers) as websocket:
            next_of(websocket, "connection.ack")
        assert f"peer={client}" in bridge.said()


def test_the_playground_works_below_a_path_behind_nginx(own, tmp_path):
    with running(["demo", "--base-path", "/live", "--trusted-proxy", "127.0.0.1"], tmp_path) as bridge:
        with nginx("nginx", own, bridge, tmp_path) as port:
            root = f"https://localhost:{port}/live/"
            page = urllib.request.urlopen(root, context=trusting(own)).read().decode()
            parts = [part for part in re.findall(r'(?:href|src)="([^"#]+)"', page) if "://" not in part]
            assert len(parts) >= 3
            for part in [*parts, "demo/node.json", "demo/schema.json"]:
                assert not part.startswith("/"), f"{part} is not below the path"
                assert urllib.request.urlopen(f"{root}{part}", context=trusting(own)).status == 200
            script = urllib.request.urlopen(f"{root}demo/page.js", context=trusting(own)).read().decode()
            assert not re.search(r'"/(demo|v1)/', script)
            body = b'{"type":"process.progress","data":{"projectId":"1","processId":"2","progress":3}}'
            for origin, status in [(f"https://localhost:{port}", 200), (f"http://localhost:{port}", 403)]:
                headers = {"content-type": "application/json", "origin": origin}
                request = urllib.request.Request(f"{root}v1/publish", body, headers)
                try:
                    assert urllib.request.urlopen(request, context=trusting(own)).status == status
                except urllib.error.HTTPError as refused:
                    assert refused.code == status


def test_mistakes_are_told_at_the_start(tmp_path):
    for options, part in [
        (["--trusted-proxy", "proxy.internal"], "is not an IP address"),
        (["--trusted-proxy", "10.0.0.1/8"], "the network is 10.0.0.0/8"),
        (["--trusted-proxy", "0.0.0.0/0"], "is every address"),
        (["--trusted-proxy", "::/0"], "is every address"),
        (["--proxy-protocol"], "give --trusted-proxy"),
        (["--proxy-header", "forwarded"], "give --trusted-proxy"),
        (["--proxy-header", "via"], "not one of x-forwarded-for, forwarded"),
        (["--base-path", "live"], "begins with / and does not end with it"),
        (["--base-path", "/live/"], "begins with / and does not end with it"),
        (["--base-path", "/a b"], "letters, digits"),
    ]:
        done = subprocess.run([PROGRAM, "serve", *options], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 2 and part in done.stderr, (options, done.stderr)
