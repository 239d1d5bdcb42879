"""Rows of limits and slow clients for `make attack`."""

import contextlib
import importlib
import selectors
import socket
import ssl
import sys
import threading
import time

from bridges import PATIENCE, eventually
from conftest import ROOT, control, guarded, look, metrics, serving
from long_memory import many
from long_websocket import namespaces, together  # noqa: F401 (a fixture)
from peer import TEXT, Ended, Peer, address, ask, request

sys.path.insert(0, str(ROOT / "tests" / "e2e"))
Authority = importlib.import_module("certificates").Authority


def fields(buffer):
    """The sequences of whole text frames, and what is left."""
    sequences = []
    while len(buffer) >= 4:
        short, at = buffer[1] & 0x7F, 2
        if short == 126:
            short, at = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < at + short:
            break
        text = buffer[at : at + short]
        if buffer[0] & 15 == TEXT and b'"process.progress"' in text[:40]:
            sequences.append(int(text.split(b'"sequence":', 1)[1].split(b",", 1)[0]))
        buffer = buffer[at + short :]
    return sequences, buffer


class Readers:
    """Subscribers that read, and check that they get everything in order."""

    def __init__(self, bridge, channel, count):
        self.bridge, self.channel, self.published = bridge, channel, 0
        self.selector, self.rest, self.last = selectors.DefaultSelector(), {}, {}
        for _ in range(count):
            peer = Peer(bridge.websocket)
            assert peer.subscribe(f"project:{channel}")[0]["type"] == "channel.subscribed"
            peer.stream.setblocking(False)
            self.selector.register(peer.stream, selectors.EVENT_READ, peer)
            self.rest[peer], self.last[peer] = peer.buffer, 0

    def burst(self, events):
        """Publishes so many, and ends when everybody has them."""
        publishing = threading.Thread(target=many, args=(self.bridge, [(self.channel, "x" * 4_000)] * events))
        publishing.start()
        self.published += events
        deadline = time.monotonic() + 4 * PATIENCE
        while any(last < self.published for last in self.last.values()):
            assert time.monotonic() < deadline, sorted(self.last.values())[:5]
            for key, _ in self.selector.select(1):
                more = key.fileobj.recv(1 << 18)
                assert more, "a reader was cut"
                sequences, self.rest[key.data] = fields(self.rest[key.data] + more)
                for sequence in sequences:
                    assert sequence == self.last[key.data] + 1, "in order, and none is missing"
                    self.last[key.data] = sequence
        publishing.join(PATIENCE)


def test_rx_02_half_of_the_subscribers_freeze_and_the_others_get_everything_in_order(bridge, figures):
    half = 250
    readers = Readers(bridge, "frozen", half)
    # The readers' own work is in the baseline: what is looked for is what the frozen cost beside it.
    with control(bridge, figures, baseline=3, load=lambda: readers.burst(300)):
        frozen = [Peer(bridge.websocket, receive=4096) for _ in range(half)]
        for peer in frozen:
            assert peer.subscribe("project:frozen")[0]["type"] == "channel.subscribed"
        until = time.monotonic() + 3
        while time.monotonic() < until:
            readers.burst(300)
        cut = lambda: sum(value for name, value in metrics(bridge).items() if '_closed_total{code="4102"' in name)  # noqa: E731
        eventually(lambda: cut() >= half, "who takes nothing for five seconds is let go")
        assert cut() == half, "the negative control: of those who read none was"
        figures["RSS with the frozen"] = f"{look(bridge).rss >> 20} MiB"
        for peer in [*readers.rest, *frozen]:
            peer.stream.close()


def test_rx_03_a_slow_reader_stays_and_is_told_what_it_lost(tmp_path, figures):
    with serving(tmp_path, "--max-channel-bytes", "64KiB") as bridge, control(bridge, figures, baseline=2):
        slow = Peer(bridge.websocket, receive=4096)
        slow.subscribe("project:slow")
        many(bridge, [("slow", "x" * 2_000)] * 600)
        began, taken, told = time.monotonic(), 0, []
        sequence = 0
        slow.stream.settimeout(PATIENCE)
        while not told or sequence < 600:
            # A trickle: sixteen times a KiB in a second, for as long as the bridge has something.
            chunk = slow.stream.recv(1_024)
            assert chunk, f"cut after {time.monotonic() - began:.1f} s"
            taken += len(chunk)
            slow.buffer += chunk
            time.sleep(1 / 64)
            while True:
                try:
                    heard = slow.hear(timeout=0.0)
                except TimeoutError:
                    break
                if heard["type"] == "channel.gap":
                    assert heard["data"]["first"] == sequence + 1
                    sequence = heard["data"]["last"]
                    told.append(heard["data"])
                elif heard.get("channel") == "project:slow":
                    assert heard["sequence"] == sequence + 1, "a hole that nobody told"
                    sequence = heard["sequence"]
        lost = sum(gap["last"] - gap["first"] + 1 for gap in told)
        assert 0 < lost < 600
        figures["lost and told"] = f"{lost} of 600"
        figures["read for"] = f"{time.monotonic() - began:.0f} s"
        with Peer(bridge.websocket) as quick:
            quick.subscribe("project:slow2")
            many(bridge, [("slow2", "x" * 200)] * 50)
            got = [quick.until("process.progress")["sequence"] for _ in range(50)]
            assert got == list(range(1, 51)), "the negative control: who reads loses nothing"
        slow.stream.close()


def test_rx_06_replays_are_paced_however_many_channels_are_asked_for(tmp_path, figures):
    burst, rate = 1 << 20, 256 << 10
    limits = ["--replay-burst-bytes", "1MiB", "--replay-bytes-per-second", "256KiB"]
    with guarded(tmp_path, *limits) as bridge:
        many(bridge, [(str(number % 100), "x" * 2_000) for number in range(4_000)])
        names, token = [f"project:{number}" for number in range(100)], bridge.mint("ann", "project:*:read")
        with Peer(bridge.websocket, token=token) as peer:
            (answer,) = peer.subscribe(names[0])
            start = {"epoch": answer["data"]["head"]["epoch"], "sequence": 0}
        with control(bridge, figures, token=bridge.mint("control", "**"), baseline=2):
            connections, received, began = [0], [0], time.monotonic()

            def attack(until):
                while time.monotonic() < until:
                    with Peer(bridge.websocket, token=token) as peer:
                        connections[0] += 1
                        peer.say("channel.subscribe", "s", channels=[{"name": name, "after": start} for name in names])
                        end = time.monotonic() + 0.1
                        with contextlib.suppress(TimeoutError, Ended):
                            while True:
                                payload = peer.receive(end - time.monotonic())[1]
                                received[0] += len(payload) if b'"process.progress"' in payload[:40] else 0

            together(1, attack)
            # One read may overdraw; the next ones wait for that.
            most = burst + rate * (time.monotonic() - began) + (64 << 10)
            assert connections[0] > 10 and burst / 2 < received[0] <= most, "one budget for all of them, and no more"
        figures["connections"] = connections[0]
        figures["MiB replayed"] = f"{received[0] / (1 << 20):.1f} of {8 * connections[0]} asked for"
    with serving(tmp_path, "--replay-burst-bytes", "64MiB") as generous:
        many(generous, [("1", "x" * 2_000)] * 1_000)
        with Peer(generous.websocket) as peer:
            (answer,) = peer.subscribe("project:1", after={"epoch": "another", "sequence": 0})
            got = 0
            while got < 1_000:
                got += peer.hear()["type"] == "process.progress"
            assert got * 2_000 > burst, "the negative control: with more to spend more comes at once"


def test_rx_08_after_a_cut_everybody_is_back_and_has_everything(bridge, figures):
    count = 1_000
    with control(bridge, figures, baseline=2):
        def connect(numbers, after, into):
            for number in numbers:
                peer = Peer(bridge.websocket)
                (answer,) = peer.subscribe("project:storm", **after)
                into[number] = (peer, answer)

        def storm(after):
            into, threads = {}, []
            for part in range(8):
                threads.append(threading.Thread(target=connect, args=(range(part, count, 8), after, into)))
                threads[-1].start()
            for thread in threads:
                thread.join(4 * PATIENCE)
            assert len(into) == count, "somebody is not back"
            return into

        there = storm({})
        position = there[0][1]["data"]["head"]
        for peer, _ in there.values():
            peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.stream.close()
        many(bridge, [("storm", str(number)) for number in range(20)])
        began = time.monotonic()
        back = storm({"after": position})
        took = time.monotonic() - began
        assert took < 30, f"{took:.1f} s"
        for peer, answer in back.values():
            assert answer["data"]["recovered"] is True
            assert [peer.until("process.progress")["sequence"] for _ in range(20)] == list(range(1, 21))
        with Peer(bridge.websocket) as lost:
            (answer,) = lost.subscribe("project:storm", after={"epoch": "another", "sequence": 7})
            assert answer["data"]["recovered"] is False, "the negative control"
        for peer, _ in back.values():
            peer.stream.close()
        figures["back"] = f"{count} in {took:.1f} s"


def test_rx_09_limits_of_connections_hold_and_every_slot_returns(tmp_path, figures, namespaces):  # noqa: F811
    with serving(tmp_path, "--max-connections", "60", "--handshake-timeout", "3s", "--handshakes-per-second", "100000") as bridge:
        with control(bridge, figures, baseline=2):
            there = int(metrics(bridge)["rialto_connections"])
            held = [Peer(bridge.websocket) for _ in range(60 - there)]
            status, answer = ask(bridge.http, request(authorization="Bearer x.y.z"))
            assert status == 503 and "retry-after" in answer.lower(), answer
            held.pop().stream.close()
            eventually(lambda: ask(bridge.http, request())[0] == 101, "the negative control: a slot has come back")
            for peer in held:
                peer.stream.close()
            # Handshakes that are broken off anywhere, and some that never end.
            whole, dribbling = request(), []
            for number in range(3_000):
                with contextlib.suppress(OSError):
                    with socket.create_connection(address(bridge.http), timeout=PATIENCE) as stream:
                        stream.sendall(whole[: number % len(whole)])
            for number in range(40):
                stream = socket.create_connection(address(bridge.http), timeout=PATIENCE)
                stream.sendall(whole[:number])
                dribbling.append(stream)
            began = time.monotonic()
            for stream in dribbling:
                with contextlib.suppress(ConnectionError):
                    while stream.recv(4_096):
                        pass
                stream.close()
            figures["slow handshakes ended within"] = f"{time.monotonic() - began:.1f} s"
            eventually(lambda: ask(bridge.http, request())[0] == 101, "there is room again")
    if namespaces is None:
        print("\n!!!! RX-09 PER ADDRESS NOT RUN !!!!\n")
        return
    namespaces.enter(0)
    options = ["--max-connections-per-address", "10", "--insecure"]
    with serving(tmp_path, *options, listen=f"{namespaces.addresses[0]}:0") as bridge:
        namespaces.enter(1)
        held = [Peer(bridge.websocket) for _ in range(10)]
        assert ask(bridge.http, request())[0] == 429
        held.pop().stream.close()
        eventually(lambda: ask(bridge.http, request())[0] == 101, "an address has its slot back")
        for peer in held:
            peer.stream.close()
        namespaces.enter(0)
    namespaces.enter(None)


def test_rx_16_handshakes_as_fast_as_they_can_be_asked_for_cost_nobody_else(tmp_path, figures):
    authority = Authority(tmp_path / "own")
    certificate, key = authority.sign("bridge")
    options = ["--tls-cert", certificate, "--tls-key", key, "--tls-port", "grpc", "--handshake-timeout", "3s"]
    with serving(tmp_path, *options, "--handshakes-per-second", "100000", "--max-handshakes", "1") as bridge:
        hello, where = client_hello(), address(f"http://{bridge.grpc}")
        trusting = ssl.create_default_context(cafile=authority.ca)
        trusting.verify_flags &= ~ssl.VERIFY_X509_STRICT
        answered, asked = 0, 0
        with control(bridge, figures, baseline=2):
            began = time.monotonic()
            while time.monotonic() - began < 5:
                # Cheap for the attacker: the same first words each time, and nobody goes on.
                streams = [socket.create_connection(where, timeout=PATIENCE) for _ in range(50)]
                for stream in streams:
                    with contextlib.suppress(OSError):
                        stream.sendall(hello)
                for stream in streams[:5]:
                    with contextlib.suppress(OSError):
                        answered += stream.recv(1) == b"\x16"
                for stream in streams:
                    stream.close()
                asked += len(streams)
            figures["handshakes/s"] = f"{asked / (time.monotonic() - began):.0f}"
            assert answered > 0
            with socket.create_connection(where, timeout=PATIENCE) as plain:
                with trusting.wrap_socket(plain, server_hostname="localhost") as stream:
                    assert stream.version() == "TLSv1.3", "the negative control: who goes on gets in"


def client_hello():
    session = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing := ssl.MemoryBIO(), server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()
