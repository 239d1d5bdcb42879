"""Rows of the publishers' port and of payloads for `make attack`."""

import contextlib
import importlib
import json
import socket
import struct
import subprocess
import sys
import time

import grpc
import http2
from bridges import PATIENCE, PROGRAM, eventually
from conftest import ROOT, control, look, metrics, post, publish, serving
from peer import BINARY, Ended, Peer, frame
from test_grpc import event
from test_payloads import SCHEMA, field, wire_publish

sys.path.insert(0, str(ROOT / "tests" / "e2e"))
Line = importlib.import_module("line").Line

ENHANCE_YOUR_CALM, REFUSED_STREAM, OK = 11, 7, 0
FLOOD = 100_000


def good_call(bridge):
    """A call that is answered: the negative control of every flood."""
    with http2.Client(bridge.grpc) as client:
        client.send(http2.frame(http2.HEADERS, http2.call(), http2.END_HEADERS, 1))
        client.send(http2.frame(http2.DATA, http2.message(b"\x0a\x00"), http2.END_STREAM, 1))
        return client.outcome()


def test_gr_02_streams_and_headers_without_end_are_ended(bridge, figures):
    with control(bridge, figures, baseline=2):
        rss = look(bridge).rss
        with http2.Client(bridge.grpc) as client:
            block = http2.call()
            for start in range(1, 40_000, 200):
                pairs = [http2.frame(http2.HEADERS, block, http2.END_HEADERS, stream)
                         + http2.frame(http2.RST_STREAM, struct.pack(">I", 8), 0, stream)
                         for stream in range(start, start + 200, 2)]
                if not client.send(*pairs):
                    break
            figures["rapid reset"] = said = client.outcome(stream=99_999)
            assert said in [("goaway", ENHANCE_YOUR_CALM), ("cut", 0)]
        for name, part in (("CONTINUATION", http2.literal("x-more", "y" * 1_000)), ("empty CONTINUATION", b"")):
            with http2.Client(bridge.grpc) as client:
                client.send(http2.frame(http2.HEADERS, http2.call(), 0, 1))
                for _ in range(2_000):
                    if not client.send(http2.frame(http2.CONTINUATION, part, 0, 1) * 10):
                        break
                figures[name] = said = client.outcome(patience=10)
                assert said[0] in ("goaway", "cut", "reset"), name
        with http2.Client(bridge.grpc) as client:
            large = http2.call() + b"".join(http2.literal(f"x-{number}", "y" * 1_000) for number in range(40))
            client.send(http2.frame(http2.HEADERS, large[:16_000], 0, 1))
            for start in range(16_000, len(large), 16_000):
                last = start + 16_000 >= len(large)
                part = large[start : start + 16_000]
                client.send(http2.frame(http2.CONTINUATION, part, http2.END_HEADERS if last else 0, 1))
            figures["40 KiB of headers"] = said = client.outcome(patience=10)
            assert said != ("status", OK)
        assert look(bridge).rss - rss < 16 << 20
        assert good_call(bridge) == ("status", 3), "the negative control: a call is answered as ever"


def test_gr_03_floods_of_small_frames_cost_a_little_time_and_no_memory(bridge, figures):
    floods = {
        "PING": http2.frame(http2.PING, b"12345678"),
        "SETTINGS": http2.frame(http2.SETTINGS),
        "WINDOW_UPDATE": http2.frame(http2.WINDOW_UPDATE, struct.pack(">I", 1)),
        "PRIORITY": http2.frame(http2.PRIORITY, struct.pack(">IB", 0, 1), 0, 1),
    }
    with control(bridge, figures, baseline=2):
        for name, one in floods.items():
            rss = look(bridge).rss
            with http2.Client(bridge.grpc) as client:
                client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.stream.settimeout(2)
                sent = 0
                while sent < FLOOD and client.send(one * 1_000):
                    sent += 1_000
                grown = look(bridge).rss - rss
            figures[name] = f"{sent} sent, {grown / (1 << 20):+.1f} MiB"
            assert grown < 16 << 20, name
        assert good_call(bridge) == ("status", 3), "the negative control: a call is answered as ever"


def test_gr_05_streams_are_bounded_and_who_reads_no_acks_is_held_back(bridge, stubs, figures):
    request = stubs.publisher.PublishStreamRequest(events=[event(stubs, number) for number in range(100)])
    for one in request.events:
        one.idempotency_key = ""
    body = http2.message(request.SerializeToString())
    with control(bridge, figures, baseline=2):
        with http2.Client(bridge.grpc) as client:
            for stream in range(1, 301, 2):
                client.send(http2.frame(http2.HEADERS, http2.call(http2.PUBLISH_STREAM), http2.END_HEADERS, stream))
            refused, open_ = set(), eventually(lambda: metrics(bridge)["rialto_publish_streams"], "streams are open")
            with contextlib.suppress(TimeoutError, Ended):
                while len(refused) < 50:
                    kind, _, stream, payload = client.receive(time.monotonic() + 5)
                    if kind == http2.RST_STREAM and payload == struct.pack(">I", REFUSED_STREAM):
                        refused.add(stream)
            assert refused == set(range(201, 301, 2)), (len(refused), open_)
            figures["refused streams"] = len(refused)
        rss = look(bridge).rss
        # No window for answers: what is acked cannot leave, so nothing more is read.
        with http2.Client(bridge.grpc, settings=struct.pack(">HI", 4, 0)) as client:
            client.send(http2.frame(http2.HEADERS, http2.call(http2.PUBLISH_STREAM), http2.END_HEADERS, 1))
            client.stream.settimeout(2)
            window, sent, granted = 65_535, 0, 0
            parts = [body[at : at + 16_000] for at in range(0, len(body), 16_000)]
            # Ours is what the bridge grants: a peer that keeps to it is held back by it.
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                for part in parts:
                    while len(part) > window:
                        try:
                            kind, _, stream, payload = client.receive(deadline)
                        except (TimeoutError, Ended):
                            break
                        if kind == http2.WINDOW_UPDATE and stream == 1:
                            window += int.from_bytes(payload, "big")
                            granted += 1
                    if len(part) > window:
                        break
                    client.send(http2.frame(http2.DATA, part, 0, 1))
                    window, sent = window - len(part), sent + len(part)
            figures["taken without acks"] = f"{sent >> 10} KiB"
            assert sent < 8 << 20, "it is held back"
            assert look(bridge).rss - rss < 16 << 20
            with grpc.insecure_channel(bridge.grpc) as channel:
                service = stubs.services.PublisherServiceStub(channel)
                acks = sum(len(answer.acks) for answer in service.PublishStream(iter([request] * 100), timeout=PATIENCE))
                assert acks == 10_000, "the negative control: who reads is not held back, and others go on"


def test_gr_08_silent_connections_are_closed_at_the_time_that_is_said(tmp_path, figures):
    with serving(tmp_path, "--handshake-timeout", "2s") as bridge, control(bridge, figures, baseline=2):
        opened = http2.PREFACE + http2.frame(http2.SETTINGS)
        cases = {"nothing": b"", "half a preface": http2.PREFACE[:10], "a preface alone": http2.PREFACE, "no call": opened}
        for name, said in cases.items():
            with http2.Client(bridge.grpc, start=False) as client:
                client.send(said)
                began = time.monotonic()
                assert client.outcome(patience=20)[0] in ("cut", "goaway"), name
                figures[name] = f"{time.monotonic() - began:.1f} s"
                assert 1 < time.monotonic() - began < 2 + 2
        with http2.Client(bridge.grpc) as silent, http2.Client(bridge.grpc) as alive:
            for client in (silent, alive):
                a_call(client, 1)
                assert client.outcome() == ("status", 3)
            began, ended, pings = time.monotonic(), None, 0
            while time.monotonic() - began < 60 and ended is None:
                with contextlib.suppress(TimeoutError):
                    kind, flags, _, payload = alive.receive(time.monotonic() + 0.5)
                    if kind == http2.PING and not flags & http2.ACK:
                        alive.send(http2.frame(http2.PING, payload, http2.ACK))
                        pings += 1
                try:
                    silent.receive(time.monotonic() + 0.01)
                except Ended:
                    ended = time.monotonic() - began
                except TimeoutError:
                    pass
            figures["pings unanswered"] = f"{ended:.0f} s" if ended else "never"
            assert ended is not None and 45 < ended < 56
            a_call(alive, 3)
            assert pings and alive.outcome(stream=3)[0] == "status", "the negative control: who answers lives"


def a_call(client, stream):
    client.send(http2.frame(http2.HEADERS, http2.call(), http2.END_HEADERS, stream))
    client.send(http2.frame(http2.DATA, http2.message(b"\x0a\x00"), http2.END_STREAM, stream))


def test_gr_11_a_cut_before_the_ack_and_a_retry_make_one_event(bridge, stubs, figures):
    line = Line(bridge.grpc)
    try:
        with control(bridge, figures, baseline=2), Peer(bridge.websocket) as peer:
            peer.subscribe("project:hurried")
            for number in range(5):
                ask = stubs.publisher.PublishRequest(event=event(stubs, f"cut-{number}"))
                with grpc.insecure_channel(line.address) as channel:
                    grpc.channel_ready_future(channel).result(PATIENCE)
                    service = stubs.services.PublisherServiceStub(channel)
                    line.swallow_answers()
                    call = service.Publish.future(ask, timeout=PATIENCE)
                    heard = peer.until("process.progress")
                    assert heard["data"]["message"] == f"cut-{number}", "it was taken"
                    line.cut()
                    assert call.exception(PATIENCE) is not None, "its publisher does not know"
                with grpc.insecure_channel(bridge.grpc) as channel:
                    again = stubs.services.PublisherServiceStub(channel).Publish(ask, timeout=PATIENCE)
                    assert again.accepted.duplicate
                    other = stubs.publisher.PublishRequest(event=event(stubs, f"other-{number}"))
                    fresh = stubs.services.PublisherServiceStub(channel).Publish(other, timeout=PATIENCE)
                    assert not fresh.accepted.duplicate, "the negative control: another key is another event"
                assert peer.until("process.progress")["data"]["message"] == f"other-{number}", "once, and no more"
            figures["cuts"] = 5
    finally:
        line.close()


def test_pj_07_fields_of_a_newer_publisher_go_to_those_who_may_know_them(tmp_path, figures, stubs):
    socket_messages = importlib.import_module("rialto.v1.socket_pb2")
    newer = field(200, b"from the future")
    with serving(tmp_path, schema=SCHEMA) as bridge, control(bridge, figures, baseline=2):
        with Peer(bridge.websocket) as text, Peer(bridge.websocket, protocol="rialto.v1.proto") as binary:

            def say(kind, message):
                said = socket_messages.Frame(type=kind, data=message.SerializeToString())
                binary.send(frame(BINARY, said.SerializeToString()))

            def heard(kind):
                while True:
                    said = socket_messages.Frame.FromString(binary.receive()[1])
                    if said.type == kind:
                        return said

            say("connection.init", socket_messages.ConnectionInit())
            heard("connection.ack")
            say("channel.subscribe", socket_messages.ChannelSubscribe(channels=[{"name": "project:p"}]))
            heard("channel.subscribed")
            text.subscribe("project:p")
            assert wire_publish(bridge, field(1, b"p") + newer) == "OK"
            assert wire_publish(bridge, field(1, b"p") + field(7, b"known")) == "OK"
            assert newer in heard("odd").data
            assert "future" not in json.dumps(text.until("odd"))
            assert text.until("odd")["data"]["text"] == "known", "the negative control: what is known is printed"
            assert field(7, b"known") in heard("odd").data
            figures["form"] = "binary keeps, JSON drops"


HEAD = 'syntax = "proto3";\npackage %s;\nimport "rialto/v1/options.proto";\n'
BROKEN = {
    "a circle of imports": {"a.proto": 'syntax = "proto3";\nimport "b.proto";\n', "b.proto": 'syntax = "proto3";\nimport "a.proto";\n'},
    "one type twice": {"a.proto": 'syntax = "proto3";\npackage x;\nmessage A {}\n', "b.proto": 'syntax = "proto3";\npackage x;\nmessage A {}\n'},
    "no protobuf": {"a.proto": "\0" * 100_000},
    "nesting": {"a.proto": 'syntax = "proto3";\n' + "message M {" * 5_000 + "}" * 5_000},
}


def test_pj_08_schemas_that_are_huge_or_broken_change_nothing(tmp_path, figures):
    with serving(tmp_path, schema=SCHEMA) as bridge:
        folder = tmp_path / "schema"
        revision = lambda: post(bridge, "/rialto.v1.AdminService/GetNode", b"{}")[1]  # noqa: E731
        with control(bridge, figures, baseline=2):
            before = revision()["fingerprint"]
            for name, files in BROKEN.items():
                for file, text in files.items():
                    (folder / file).write_text(text)
                began = time.monotonic()
                status, answer = post(bridge, "/rialto.v1.AdminService/ReloadSchema", b"{}")
                figures[name] = f"{time.monotonic() - began:.1f} s"
                assert status >= 400 and time.monotonic() - began < 30, answer
                assert revision()["fingerprint"] == before, "the old one stays"
                checked = subprocess.run([PROGRAM, "check", folder], capture_output=True, timeout=2 * PATIENCE)
                assert checked.returncode == 1, checked
                for file in files:
                    (folder / file).unlink()
            many = "".join(f"message M{number} {{ string a = 1; M{max(0, number - 1)} b = 2; }}\n" for number in range(10_000))
            (folder / "many.proto").write_text(HEAD % "many" + many)
            began = time.monotonic()
            status, answer = post(bridge, "/rialto.v1.AdminService/ReloadSchema", b"{}")
            figures["10,000 messages"] = f"{time.monotonic() - began:.1f} s"
            assert status == 200 and revision()["fingerprint"] != before, "the negative control: a sound one is taken"
            assert publish(bridge, "odd", {"projectId": "p"})[0] == 200
