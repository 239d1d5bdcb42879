"""TLS on every port, by clients that share nothing with the bridge: Python's ssl, websockets, grpcio, and openssl."""

import contextlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

import grpc
import pytest
from certificates import Authority
from conftest import PATIENCE, PROGRAM, eventually, running
from test_clients import progress
from websockets.sync.client import connect

SILENT = ["--handshake-timeout", "400ms"]
"""The deadline of everything before a connection's protocol; its default is 10 s."""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("own") / "own")
    authority.sign("bridge")
    return authority


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("clients") / "clients")
    authority.sign("orders", "URI:spiffe://shop/orders")
    authority.sign("late", "URI:spiffe://shop/orders", days=0)
    return authority


def tls(folder, name="bridge"):
    return ["--tls-cert", folder / f"{name}.crt", "--tls-key", folder / f"{name}.key"]


def trusting(ca):
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def opened(bridge, ca, **more):
    url = f"wss://{bridge.addresses['listen']}/ws"
    return connect(url, ssl=trusting(ca), open_timeout=PATIENCE, close_timeout=PATIENCE, max_size=None, **more)


def next_of(websocket, kind):
    while True:
        frame = json.loads(websocket.recv(PATIENCE))
        if frame["type"] == kind:
            return frame


def publishing(bridge, ca, shown=None):
    key, certificate = (None, None) if shown is None else (shown[1].read_bytes(), shown[0].read_bytes())
    credentials = grpc.ssl_channel_credentials(ca.read_bytes(), key, certificate)
    return grpc.secure_channel(bridge.grpc, credentials)


def publish(stubs, channel, number=1):
    stub = stubs.services.PublisherServiceStub(channel)
    request = stubs.publisher.PublishRequest(event=progress(stubs, number))
    return stub.publish(request, timeout=PATIENCE) if hasattr(stub, "publish") else stub.Publish(request, timeout=PATIENCE)


def certificate_of(bridge, port, ca):
    """The certificate that a new connection is shown."""
    with socket.create_connection(address(bridge.addresses[port]), PATIENCE) as plain:
        with trusting(ca).wrap_socket(plain, server_hostname="localhost") as stream:
            return stream.getpeercert(binary_form=True), stream.version(), stream.selected_alpn_protocol()


def test_every_port_speaks_tls_and_events_cross(own, stubs, tmp_path):
    with running(["serve", *tls(own.folder)], tmp_path) as bridge:
        with opened(bridge, own.ca) as websocket, publishing(bridge, own.ca) as channel:
            websocket.send(json.dumps({"type": "channel.subscribe", "channels": [{"name": "project:été 7"}]}))
            while next_of(websocket, "channel.subscribed")["data"]["channel"] != "project:été 7":
                pass
            for number in range(50):
                publish(stubs, channel, number)
            seen = [next_of(websocket, "process.progress")["sequence"] for _ in range(50)]
            assert seen == list(range(seen[0], seen[0] + 50))
            # An answer while nothing else is written.
            websocket.send(json.dumps({"type": "connection.heartbeat", "id": "h"}))
            assert next_of(websocket, "connection.heartbeat")["replyTo"] == "h"
        request = f"https://{bridge.addresses['admin']}/metrics"
        with urllib.request.urlopen(request, context=trusting(own.ca), timeout=PATIENCE) as answer:
            assert b"rialto_tls_handshakes_failed_total 0" in answer.read()
        for port, protocols in [("listen", ["http/1.1"]), ("admin", ["http/1.1"]), ("grpc", ["h2"])]:
            context = trusting(own.ca)
            context.set_alpn_protocols(["h2", "http/1.1"])
            with socket.create_connection(address(bridge.addresses[port]), PATIENCE) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as stream:
                    assert [stream.selected_alpn_protocol()] == protocols
                    assert stream.version() == "TLSv1.3"


def test_old_protocols_plain_text_and_those_who_stall_are_refused(own, tmp_path):
    with running(["serve", *tls(own.folder), *SILENT], tmp_path) as bridge:
        for port in ("listen", "grpc", "admin"):
            where = address(bridge.addresses[port])
            # Python's library may be built without the old versions; openssl's own client says what it could not do.
            for version, accepted in [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)]:
                command = ["openssl", "s_client", "-connect", "%s:%d" % where, version, "-cipher", "ALL:@SECLEVEL=0"]
                done = subprocess.run(command, input=b"", capture_output=True, timeout=PATIENCE)
                assert (b"BEGIN CERTIFICATE" in done.stdout) == accepted, (port, version, done.stderr)
            with socket.create_connection(where, PATIENCE) as plain:
                plain.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
                answer = plain.recv(100)
                assert not answer.startswith(b"HTTP"), "a port with TLS answers nobody in plain text"
        for port in ("listen", "grpc", "admin"):
            hello = client_hello()
            for first in (b"", hello[:20], None):
                with socket.create_connection(address(bridge.addresses[port]), PATIENCE) as plain:
                    started = time.monotonic()
                    if first is None:
                        # A byte now and then, for ever.
                        with contextlib.suppress(ConnectionError, TimeoutError):
                            for byte in hello:
                                plain.sendall(bytes([byte]))
                                plain.settimeout(0.05)
                                with contextlib.suppress(TimeoutError):
                                    if not plain.recv(1000):
                                        break
                        plain.settimeout(PATIENCE)
                    else:
                        plain.sendall(first)
                        with contextlib.suppress(ConnectionError):
                            while plain.recv(1000):
                                pass
                    assert time.monotonic() - started < PATIENCE / 2
        assert "handshake-timeout" in bridge.said()


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def test_publishers_show_certificates_of_the_authority_or_stay_outside(own, clients, stubs, tmp_path):
    others = Authority(tmp_path / "others")
    foreign = others.sign("orders", "URI:spiffe://shop/orders")
    ca = tmp_path / "publishers.pem"
    shutil.copy(clients.ca, ca)
    options = [*tls(own.folder), "--tls-port", "grpc", "--grpc-client-ca", ca, "--log-level", "debug"]
    good = clients.folder / "orders.crt", clients.folder / "orders.key"
    late = clients.folder / "late.crt", clients.folder / "late.key"
    with running(["serve", *options], tmp_path) as bridge:
        with publishing(bridge, own.ca, good) as old:
            publish(stubs, old)
            for shown in (None, late, foreign):
                with publishing(bridge, own.ca, shown) as channel, pytest.raises(grpc.RpcError) as refused:
                    publish(stubs, channel)
                assert refused.value.code() == grpc.StatusCode.UNAVAILABLE, shown
            with grpc.insecure_channel(bridge.grpc) as channel, pytest.raises(grpc.RpcError):
                publish(stubs, channel)
            # The authority is exchanged: who is there already is judged by the new one, as is who comes anew.
            shutil.copy(others.ca, ca)
            bridge.process.send_signal(signal.SIGHUP)
            eventually(lambda: "has changed and holds" in bridge.said(), "the new authority")
            with pytest.raises(grpc.RpcError) as refused:
                publish(stubs, old)
            # Or its connection was ended already, and it cannot open another.
            assert refused.value.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE)
        with publishing(bridge, own.ca, good) as channel, pytest.raises(grpc.RpcError):
            publish(stubs, channel)
        with publishing(bridge, own.ca, foreign) as channel:
            publish(stubs, channel)


def test_a_certificate_is_renewed_without_a_restart_and_a_broken_one_is_told(own, tmp_path):
    folder = tmp_path / "live"
    folder.mkdir()
    for name in ("bridge.crt", "bridge.key"):
        shutil.copy(own.folder / name, folder / name)
    next_pair = own.sign("next", into=tmp_path)
    with running(["serve", *tls(folder)], tmp_path) as bridge, opened(bridge, own.ca) as websocket:
        next_of(websocket, "connection.ack")
        first, _, _ = certificate_of(bridge, "listen", own.ca)
        # Half of the pair: refused, told, and the old one stays.
        shutil.copy(next_pair[0], folder / "bridge.crt")
        bridge.process.send_signal(signal.SIGHUP)
        eventually(lambda: "give the two that were made together" in bridge.said(), "the mistake in the log")
        assert str(folder / "bridge.key") in bridge.said()
        assert certificate_of(bridge, "listen", own.ca)[0] == first
        shutil.copy(next_pair[1], folder / "bridge.key")
        # Nobody asks: the bridge looks by itself.
        for port in ("listen", "grpc", "admin"):
            eventually(lambda port=port: certificate_of(bridge, port, own.ca)[0] != first, f"the new one on {port}")
        websocket.send(json.dumps({"type": "connection.heartbeat", "id": "h"}))
        assert next_of(websocket, "connection.heartbeat")["replyTo"] == "h", "who was connected stays connected"


def test_a_slow_reader_in_tls_gets_everything_in_order_or_is_told(own, stubs, tmp_path):
    limits = ["--max-channel-bytes", "256KiB"]
    with running(["serve", *tls(own.folder), *limits], tmp_path) as bridge:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(address(bridge.addresses["listen"]))
        with opened(bridge, own.ca, sock=plain, server_hostname="localhost", max_queue=1) as websocket:
            websocket.send(json.dumps({"type": "channel.subscribe", "channels": [{"name": "project:été 7"}]}))
            while next_of(websocket, "channel.subscribed")["data"]["channel"] != "project:été 7":
                pass
            with publishing(bridge, own.ca) as channel:
                last = [publish(stubs, channel, number).accepted.positions[0].sequence for number in range(3_000)][-1]
            at = None
            while at != last:
                frame = json.loads(websocket.recv(PATIENCE))
                if frame["type"] == "channel.gap" and frame["data"]["channel"] == "project:été 7":
                    assert at is None or frame["data"]["first"] == at + 1
                    at = frame["data"]["last"]
                elif frame["type"] == "process.progress":
                    assert at is None or frame["sequence"] == at + 1, "nothing twice and nothing lost without a word"
                    at = frame["sequence"]


def test_who_takes_nothing_in_tls_is_cut_at_the_write_deadline(own, stubs, tmp_path):
    limits = ["--write-timeout", "700ms", "--max-channel-bytes", "8MiB"]
    with running(["serve", *tls(own.folder), *limits], tmp_path) as bridge:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(address(bridge.addresses["listen"]))
        with contextlib.suppress(Exception), opened(bridge, own.ca, sock=plain, server_hostname="localhost", max_queue=1) as stuck:
            stuck.send(json.dumps({"type": "channel.subscribe", "channels": [{"name": "project:été 7"}]}))
            eventually(lambda: subscriptions(bridge, own.ca) >= 1, "the subscription")
            with publishing(bridge, own.ca) as channel:
                stub = stubs.services.PublisherServiceStub(channel)
                events = [progress(stubs, number) for number in range(200)]
                while closed(bridge, own.ca, 4102) == 0:
                    requests = iter([stubs.publisher.PublishStreamRequest(events=events)])
                    assert sum(len(answer.acks) for answer in stub.PublishStream(requests, timeout=PATIENCE)) == 200
        assert closed(bridge, own.ca, 4102) == 1


def closed(bridge, ca, code):
    """How many connections were closed with this code."""
    with urllib.request.urlopen(f"https://{bridge.addresses['admin']}/metrics", context=trusting(ca)) as answer:
        lines = answer.read().decode().splitlines()
    counted = [line for line in lines if line.startswith("rialto_connections_closed_total{") and f'code="{code}"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in counted)


def test_the_command_line_goes_through_tls(own, clients, tmp_path):
    ca = ["--grpc-client-ca", clients.ca]
    orders = clients.folder / "orders.crt", clients.folder / "orders.key"
    with running(["serve", *tls(own.folder), *ca, "--admin-client-ca", clients.ca], tmp_path) as bridge:
        url = f"wss://{bridge.addresses['listen']}/ws"
        following = subprocess.Popen(
            [PROGRAM, "subscribe", "project:42", "--url", url, "--ca", own.ca, "--json", "--count", "1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            eventually(lambda: subscriptions(bridge, own.ca, orders) >= 1, "the subscription")
            event = ["process.progress", '{"projectId":"42","processId":"p","progress":5}']
            shown = ["--cert", orders[0], "--key", orders[1]]
            at = ["--grpc", f"https://{bridge.grpc}"]
            done = subprocess.run([PROGRAM, "publish", *event, *at, "--ca", own.ca, *shown], capture_output=True)
            assert done.returncode == 0, done.stderr
            out, _ = following.communicate(timeout=PATIENCE)
            assert json.loads(out.splitlines()[-1])["data"]["progress"] == 5
        finally:
            following.kill()
            following.wait()
        orders_of = ["disconnect", "--session", "nobody", "--admin", f"https://{bridge.addresses['admin']}", "--ca", own.ca]
        done = subprocess.run([PROGRAM, *orders_of, *shown], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "ended 0 connections of the tenant without a name (--tenant names another)\n"), done.stderr
        done = subprocess.run([PROGRAM, *orders_of], capture_output=True, text=True)
        assert done.returncode == 3 and "asks for a certificate: give --cert and --key" in done.stderr, done.stderr
        plainly = [*orders_of[:4], bridge.addresses["admin"]]
        done = subprocess.run([PROGRAM, *plainly], capture_output=True, text=True)
        assert done.returncode == 3 and "speaks TLS: write --admin https://" in done.stderr, done.stderr
        done = subprocess.run([PROGRAM, "publish", *event, *at, "--ca", own.ca], capture_output=True, text=True)
        assert done.returncode == 3 and "asks for a certificate: give --cert and --key" in done.stderr, done.stderr
        for options, part in [
            (["--grpc", bridge.grpc], "speaks TLS: write --grpc https://"),
            (["--grpc", f"https://{bridge.grpc}", "--ca", clients.ca], "is not signed by an authority"),
            (["--grpc", f"http://{bridge.grpc}", "--ca", own.ca], "--ca and --cert are for TLS"),
        ]:
            done = subprocess.run([PROGRAM, "publish", *event, *options], capture_output=True, text=True)
            assert done.returncode != 0 and part in done.stderr, done.stderr
        # Somebody else's authority, of the same name or of another.
        for options in ["--ca", clients.ca], ["--ca", Authority(tmp_path / own.folder.name).ca]:
            done = subprocess.run([PROGRAM, "subscribe", "a", "--url", url, *options], capture_output=True, text=True)
            assert done.returncode != 0 and "is not signed by an authority that is believed" in done.stderr, done.stderr
            assert "--ca names one" in done.stderr and not set("{}[]") & set(done.stderr), done.stderr


def subscriptions(bridge, ca, shown=None):
    """Those on channels that somebody has asked for."""
    context = trusting(ca)
    if shown:
        context.load_cert_chain(*shown)
    with urllib.request.urlopen(f"https://{bridge.addresses['admin']}/metrics", context=context) as answer:
        lines = answer.read().decode().splitlines()
    counted = [line for line in lines if line.startswith("rialto_subscriptions ")]
    return int(float(counted[0].split()[1])) - 2


def test_the_demo_tells_its_story_in_tls(own, tmp_path):
    with running(["demo", *tls(own.folder)], tmp_path) as bridge:
        with opened(bridge, own.ca) as websocket:
            websocket.send(json.dumps({"type": "channel.subscribe", "channels": [{"name": "project:42"}]}))
            frame = next_of(websocket, "process.progress")
            assert frame["data"]["projectId"] == "42"
        with urllib.request.urlopen(f"https://{bridge.addresses['listen']}/", context=trusting(own.ca)) as page:
            assert "wss://*:" in page.headers["content-security-policy"]
        assert f"https://{bridge.addresses['listen']}/" in bridge.said()


def test_a_mistake_in_a_file_is_one_at_the_start(own, clients, tmp_path):
    late = clients.folder / "late.crt", clients.folder / "late.key"
    for options, part in [
        (["--tls-cert", tmp_path / "no.crt", "--tls-key", own.folder / "bridge.key"], "no.crt cannot be read"),
        (["--tls-cert", late[0], "--tls-key", late[1]], "renew it"),
        (["--tls-cert", late[0], "--tls-key", own.folder / "bridge.key"], "--tls-cert"),
        ([*tls(own.folder), "--grpc-client-ca", own.folder / "bridge.key"], "has no certificate"),
    ]:
        done = subprocess.run([PROGRAM, "serve", *options], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 2 and part in done.stderr, done.stderr
