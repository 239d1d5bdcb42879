"""Rows for `make attack` in which one core sends as fast as it can; those of HTTP/2 and of TLS are with their protocols.

The control pair's baseline is beside the same flood of somebody else: the attacker's core and what takes its bytes are gone from
the machine in both, and what is left is what the bridge does about it.
"""

import contextlib
import json
import threading
import time

from bridges import PATIENCE, eventually
from conftest import control, guarded, metrics, serving
from flood import flood, sink
from peer import PING, PONG, TEXT, Ended, Peer, ask, frame, request

SECONDS = 5
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
UPGRADE = request(sec_websocket_protocol="rialto.v1.json")


def said(kind, id=None, **data):
    return frame(TEXT, json.dumps({"type": kind, **({"id": id} if id else {}), "data": data}).encode())


INIT = said("connection.init", "init")
PINGS = frame(PING, b"p" * 125) * 500


@contextlib.contextmanager
def attacked(bridge, figures, **more):
    """The control pair around a flood."""
    with sink() as elsewhere:
        load = lambda: flood(elsewhere, 1.5, [UPGRADE + INIT], PINGS, reads=False)  # noqa: E731
        with control(bridge, figures, baseline=3, load=load, **more) as pair:
            yield pair


def test_ws_13_a_flood_of_pings_is_ended_and_costs_no_memory(bridge, figures):
    with attacked(bridge, figures):
        # It reads nothing until it is thrown out.
        done = flood(bridge.websocket, SECONDS, [UPGRADE + INIT], PINGS, reads=False)
        with Peer(bridge.websocket) as calm:
            for number in range(20):
                calm.send(frame(PING, str(number).encode()))
            pongs = []
            while len(pongs) < 20:
                opcode, payload = calm.receive()
                pongs += [payload] if opcode == PONG else []
            assert pongs == [str(number).encode() for number in range(20)], "the negative control: a few are answered"
    assert done["ended"] > 4, "the floods were not ended, or not soon: each begins anew when it is"
    figures["pings/s"] = done["blocks"] * 500 // SECONDS
    figures["ended"] = done["ended"]


def test_ws_20_frames_that_are_too_large_or_none_cost_their_sender_the_connection(tmp_path, figures):
    beats = said("connection.heartbeat", "h")
    breaking = {
        1009: [frame(TEXT, b"x" * 100, length=1 << 40), frame(TEXT, b" " * 70_000), frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 2_000],
        1002: [frame(TEXT, b"{}", rsv=4), frame(TEXT, b"{}", mask=b""), frame(3, b"{}"), frame(11, b""), frame(0, b"{}"),
               frame(PING, b"p" * 126), frame(PING, b"", fin=False), frame(8, b"\3"), frame(TEXT, b"", length=1 << 63)],
        1007: [frame(TEXT, b"\xff\xfe"), frame(TEXT, b'{"type":"\xed\xa0\x80"}')],
    }
    for code, frames in breaking.items():
        breaking[code] = [UPGRADE + INIT + beats + wrong for wrong in frames]
    openings = [opening for frames in breaking.values() for opening in frames]
    # Texts that are no frames of the protocol, on connections that live as long as they may.
    nonsense = b"".join(frame(TEXT, text) for text in [b"", b"null", b"[" * 5_000, b"{", b'{"type":1}', b'{"type":"x"}'])
    with serving(tmp_path, "--handshakes-per-second", "100000") as bridge, attacked(bridge, figures):
        before = metrics(bridge)
        done = flood(bridge.websocket, SECONDS, openings, counted=['"connection.heartbeat"'])
        told = flood(bridge.websocket, SECONDS, [UPGRADE + INIT], nonsense, counted=['"code":4005', '"code":4004'])
        assert done["counted"]['"connection.heartbeat"'] >= done["ended"] > 500, "the negative control: what is before is heard"
        assert told["counted"]['"code":4005'] > 500 and told["ended"] > 4, told

        def closed(code):
            name = f'rialto_connections_closed_total{{code="{code}",by="bridge"}}'
            return metrics(bridge).get(name, 0) - before.get(name, 0)

        least = done["ended"] // len(openings)
        for code, frames in breaking.items():
            eventually(lambda: closed(code) >= least * len(frames), f"{code} is what they were closed with")
    figures["broken/s"], figures["nonsense/s"] = done["ended"] // SECONDS, told["blocks"] * 6 // SECONDS


def test_rx_18_subscribing_and_unsubscribing_without_end_is_ended_and_leaves_nothing(tmp_path, figures):
    churn = b"".join(
        said("channel.subscribe", channels=[{"name": f"project:{number}"}]) + said("channel.unsubscribe", channels=[f"project:{number}"])
        for number in range(500)
    )
    with serving(tmp_path, "--handshakes-per-second", "100000") as bridge:
        with attacked(bridge, figures):
            before = metrics(bridge)
            done = flood(bridge.websocket, SECONDS, [UPGRADE + INIT], churn, counted=['"channel.subscribed"', '"code":4004'])
            assert done["ended"] > 4 and done["counted"]['"code":4004'] > 4, done

            def back():
                now = metrics(bridge)
                return all(now[f"rialto_{name}"] <= before[f"rialto_{name}"] for name in ("subscriptions", "connections", "channels"))

            eventually(back, "subscriptions, connections and channels are what they were")
        figures["subscribed/s"] = done["counted"]['"channel.subscribed"'] // SECONDS
        figures["ended"] = done["ended"]
    with serving(tmp_path, "--commands-per-second", "1000000", "--commands-burst", "1000000") as generous:
        done = flood(generous.websocket, 1, [UPGRADE + INIT], churn, counted=['"channel.subscribed"', '"code":4004'])
        assert done["ended"] == 0 and done["counted"]['"code":4004'] == 0, "the negative control"
        figures["subscribed/s without a rate"] = done["counted"]['"channel.subscribed"']


def test_rx_19_handshakes_that_dribble_hold_up_nobody_and_end_in_time(tmp_path, figures):
    with serving(tmp_path, "--handshake-timeout", "2s", "--handshakes-per-second", "100000") as bridge:
        with attacked(bridge, figures):
            entered, doors = [], threading.Event()

            def enter():
                while not doors.is_set():
                    began = time.monotonic()
                    assert ask(bridge.http, request())[0] == 101
                    entered.append(time.monotonic() - began)

            entering = threading.Thread(target=enter)
            entering.start()
            done = flood(bridge.http, SECONDS, [request()], connections=500, pause=0.1)
            doors.set()
            entering.join(PATIENCE)
            assert done["ended"] >= 500, "each is ended at the deadline"
            assert len(entered) > 100, "the others get in meanwhile"
            eventually(lambda: metrics(bridge)["rialto_connections_entering"] == 0, "nothing of them is left")
        figures["ended"], figures["entered beside them"] = done["ended"], len(entered)
        figures["worst of these"] = f"{max(entered) * 1e3:.0f} ms"
        slow = flood(bridge.http, 3, [request()], connections=1, pause=0.005, counted=["101 Switching"])
        assert slow["counted"]["101 Switching"] > 0, "the negative control: slow, but in time"


def test_au_12_bad_tokens_as_fast_as_a_core_sends_them_stop_nobody(tmp_path, figures):
    with guarded(tmp_path, "--trusted-proxy", "127.0.0.1") as bridge:
        good = bridge.mint("ann", "**")
        bad = good[:-6] + "AAAAAA"
        honest = {"before": [], "during": []}
        over = threading.Event()

        def enter(kind):
            while len(honest[kind]) < 200 and not over.is_set():
                began = time.monotonic()
                assert ask(bridge.http, request(authorization=f"Bearer {good}"))[0] == 101, "the negative control"
                honest[kind].append(time.monotonic() - began)

        # One machine behind the proxy, that asks again on the same connection without waiting for the answer.
        block = request(authorization=f"Bearer {bad}", x_forwarded_for="198.51.100.7") * 50
        with attacked(bridge, figures, token=good):
            enter("before")
            entering = threading.Thread(target=enter, args=("during",))
            entering.start()
            done = flood(bridge.http, SECONDS, [block], block, counted=["HTTP/1.1 401", "HTTP/1.1 429"])
            over.set()
            entering.join(PATIENCE)
        told, refused = (done["counted"][f"HTTP/1.1 {status}"] for status in (401, 429))
        assert 100 <= told <= 100 + 10 * 2 * SECONDS, f"the rate of wrong tokens: {done}"
        assert refused > 1_000, done
        figures["tries/s"] = (told + refused) // SECONDS
        worst = {kind: sorted(times)[len(times) * 98 // 100] * 1e3 for kind, times in honest.items()}
        figures["honest upgrades p99"] = f"{worst['before']:.1f} → {worst['during']:.1f} ms"
        assert len(honest["during"]) > 100 and worst["during"] <= max(3 * worst["before"], 20)


def test_rx_20_publishers_who_post_megabytes_over_http_leave_the_others_their_turn(bridge, figures):
    """More of them than the bridge has threads, so that one is always ready to be worked on."""
    event = {"type": "process.progress", "data": {"projectId": "posted", "processId": UUID, "progress": 0.5, "message": "x" * 2_000}}
    body = json.dumps([event] * 1_000).encode()
    assert len(body) > 2 << 20
    head = f"POST /v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with attacked(bridge, figures):
        before = metrics(bridge)
        posting = threading.Thread(target=lambda: figures.update(posts=flood(bridge.admin, SECONDS, [head.encode() + body], connections=8)["ended"]))
        posting.start()
        slowest, asked = 0.0, 0
        while posting.is_alive():
            began = time.monotonic()
            status, _ = ask(bridge.http, request("/health", leave_out=("upgrade", "connection"), more=[("Connection", "close")]))
            assert status == 200
            slowest, asked = max(slowest, time.monotonic() - began), asked + 1
        posting.join()
        # With few turns in a second this comes to one or two; an idle bridge answers thousands.
        assert asked > 20 * SECONDS, f"/health was answered {asked} times in {SECONDS} s"
    published = sum(value - before.get(name, 0) for name, value in metrics(bridge).items() if name.startswith("rialto_acks_total") and "OK" in name)
    assert figures["posts"] > SECONDS, "the negative control: the posts were worked on"
    figures["events/s"], figures["health"] = int(published // SECONDS), f"{asked} times, slowest {slowest * 1000:.0f} ms"
