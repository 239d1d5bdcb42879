"""Rows of the WebSocket edge for `make attack`."""

import ctypes
import json
import os
import shutil
import struct
import subprocess
import threading
import time
import zlib

import pytest
from bridges import eventually
from conftest import control, guarded, metrics, serving
from peer import CLOSE, PING, PONG, TEXT, Ended, Peer, ask, frame, request

SECONDS = 5


def test_ws_10_a_page_of_another_site_gets_nothing_by_the_users_cookie(tmp_path, figures):
    with guarded(tmp_path, "--allowed-origin", "https://app.example", "--token-cookie", "app") as bridge:
        token = bridge.mint("ann", "**")
        refused = 0
        with control(bridge, figures, token=token, baseline=2):
            for origin in ["https://evil.example", "null", "https://app.example.evil.test", None] * 50:
                headers = {"cookie": f"other=1; app={token}"} | ({"origin": origin} if origin else {})
                status, _ = ask(bridge.http, request(more=[("sec-websocket-protocol", "rialto.v1.json")], **headers))
                assert status == (403 if origin else 401)
                refused += 1
            good = request(cookie=f"app={token}", origin="https://app.example")
            assert ask(bridge.http, good)[0] == 101, "the negative control: the user's own page"
        figures["refused"] = refused


def together(count, attack, seconds=SECONDS):
    """So many attackers for so long."""
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=attack, args=(until,), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 30)
    assert not any(thread.is_alive() for thread in threads), "an attacker hangs"


def test_ws_14_only_silence_after_a_ping_ends_a_connection_and_at_the_time_that_is_said(tmp_path, figures):
    with serving(tmp_path, "--ping-interval", "2s", "--pong-timeout", "1s") as bridge, control(bridge, figures, baseline=2):
        unasked, wrong, silent = (Peer(bridge.websocket) for _ in range(3))
        began = time.monotonic()
        ends = {}

        def talk(name, peer, answer):
            try:
                while time.monotonic() < began + 8:
                    if name == "unasked":
                        peer.send(frame(PONG, b"nobody asked"))
                    try:
                        opcode, payload = peer.receive(0.5)
                    except TimeoutError:
                        continue
                    if opcode == PING and answer is not None:
                        peer.send(frame(PONG, answer))
                    if opcode == CLOSE:
                        ends[name] = (struct.unpack(">H", payload[:2])[0], time.monotonic() - began)
                        return
            except (Ended, OSError):
                ends[name] = (None, time.monotonic() - began)

        threads = [threading.Thread(target=talk, args=arguments) for arguments in
                   [("unasked", unasked, None), ("wrong", wrong, b"not yours"), ("silent", silent, None)]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        code, after = ends.pop("silent")
        assert code == 4101 and 2.5 <= after <= 4.5, (code, after)
        assert ends == {}, "the negative control: whoever answers, however wrongly, lives"
        figures["silent ended after"] = f"{after:.1f} s"


def test_ws_16_compression_is_never_negotiated(bridge, figures):
    offers = ["permessage-deflate", "permessage-deflate; client_max_window_bits", "x-webkit-deflate-frame", "permessage-deflate, permessage-bzip2"]
    with control(bridge, figures, baseline=2):
        for offer in offers:
            with Peer(bridge.websocket, sec_websocket_extensions=offer) as peer:
                assert b"sec-websocket-extensions" not in peer.head.lower(), peer.head
                # A thousand to one, if anybody inflated it.
                peer.send(frame(TEXT, zlib.compress(bytes(8 << 20)), rsv=4))
                assert peer.close_code() == 1002
            with Peer(bridge.websocket, sec_websocket_extensions=offer) as peer:
                peer.say("connection.heartbeat", "h")
                assert peer.answer("h"), "the negative control: without compression it is a frame like any"
        figures["offers"] = len(offers)


def test_ws_18_a_frame_at_a_byte_a_second_is_ended(tmp_path, figures):
    said = json.dumps({"type": "connection.heartbeat", "id": "h", "data": {}}).encode()
    with serving(tmp_path, "--message-timeout", "3s") as bridge, control(bridge, figures, baseline=2):
        slow = [Peer(bridge.websocket) for _ in range(50)]
        began = time.monotonic()
        whole = frame(TEXT, said)
        for number in range(6):
            for peer in slow:
                peer.send(whole[number : number + 1])
            time.sleep(1)
        codes = {peer.close_code() for peer in slow}
        figures["ended within"] = f"{time.monotonic() - began:.1f} s"
        assert codes == {4101}
        fragments = [frame(TEXT, said[:10], fin=False), frame(0, said[10:])]
        pinging = [Peer(bridge.websocket) for _ in range(50)]
        for peer in pinging:
            peer.send(fragments[0])
        for number in range(6):
            for peer in pinging:
                peer.send(frame((PING, PONG)[number % 2], b"between"))
            time.sleep(1)
        assert {peer.close_code() for peer in pinging} == {4101}, "pings do not make it another message"
        with Peer(bridge.websocket) as peer:
            for number in range(len(whole)):
                peer.send(whole[number : number + 1])
                time.sleep(0.02)
            assert peer.answer("h"), "the negative control: in two seconds it is a frame"
            peer.send(fragments[0], frame(PING, b"between"), frame(PONG, b"between"), fragments[1])
            assert peer.answer("h"), "the negative control: in time it is a message, whatever comes between"


class Namespaces:
    """Two machines in namespaces of their own: the bridge's, and the peer's at the other end of a cable."""

    def __init__(self):
        self.names = [f"rialto-{side}-{os.getpid()}" for side in "ab"]
        self.addresses = ["10.213.77.1", "10.213.77.2"]
        for name in self.names:
            run("ip", "netns", "add", name)
        run("ip", "link", "add", "cable0", "netns", self.names[0], "type", "veth", "peer", "name", "cable1", "netns", self.names[1])
        for number, name in enumerate(self.names):
            run("ip", "-n", name, "addr", "add", f"{self.addresses[number]}/30", "dev", f"cable{number}")
            run("ip", "-n", name, "link", "set", f"cable{number}", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)

    def enter(self, side):
        """What this thread opens and starts from now on is there; None: back home."""
        handle = self.home if side is None else os.open(f"/var/run/netns/{self.names[side]}", os.O_RDONLY)
        assert ctypes.CDLL(None, use_errno=True).setns(handle, 0x40000000) == 0, os.strerror(ctypes.get_errno())

    def cut(self):
        run("ip", "-n", self.names[1], "link", "set", "cable1", "down")

    def end(self):
        self.enter(None)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def namespaces(figures):
    """None where this is not allowed."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        figures["NOT RUN"] = "needs root and ip(8)"
        yield None
        return
    try:
        machines = Namespaces()
    except (subprocess.CalledProcessError, OSError) as error:
        figures["NOT RUN"] = f"no namespaces here: {error}"
        yield None
        return
    try:
        yield machines
    finally:
        machines.end()


def test_ws_17_a_machine_that_disappears_is_noticed_and_leaves_nothing(tmp_path, figures, namespaces):
    if namespaces is None:
        print("\n!!!! WS-17 NOT RUN !!!!\n")
        return
    timings = ["--ping-interval", "2s", "--pong-timeout", "1s", "--close-timeout", "1s", "--insecure"]
    namespaces.enter(0)
    with serving(tmp_path, *timings, listen=f"{namespaces.addresses[0]}:0") as bridge:
        with control(bridge, figures, baseline=2):
            before = metrics(bridge)
            namespaces.enter(1)
            peers = [Peer(bridge.websocket) for _ in range(100)]
            namespaces.enter(0)
            there = lambda: metrics(bridge)["rialto_connections"] - before["rialto_connections"]  # noqa: E731
            eventually(lambda: there() == 100, "all are there")
            # They answer pings until their cable is cut.
            until = time.monotonic() + 4
            while time.monotonic() < until:
                for peer in peers:
                    peer.send(frame(PONG))
                time.sleep(0.3)
            assert there() == 100, "the negative control: with the cable they stay"
            namespaces.cut()
            began = time.monotonic()
            eventually(lambda: there() == 0, "they are gone")
            figures["noticed after"] = f"{time.monotonic() - began:.1f} s"
            assert time.monotonic() - began < 2 + 1 + 1 + 2
            for peer in peers:
                peer.stream.close()
    namespaces.enter(None)
