"""Rows of memory for `make attack`: what is kept comes back, or stays within what is allowed."""

import contextlib
import json
import os
import pathlib
import random
import socket
import time

from bridges import eventually
from conftest import SEED, control, look, metrics, post, serving
from peer import Ended, Peer

SOAK_SECONDS = 60

SHORT = {"short/v1/short.proto": """syntax = "proto3";
package short.v1;
import "rialto/v1/options.proto";
message ProjectChannel {
  option (rialto.v1.channel) = { template: "project:{project_id}" retention: { events: 100 age: { seconds: 1 } } };
  string project_id = 1;
}
message ProcessProgress {
  option (rialto.v1.event) = { type: "process.progress", channels: ["ProjectChannel"] };
  string project_id = 1;
  string process_id = 2;
  string message = 3;
}
"""}


def many(bridge, events):
    """Publishes these (project, message) in batches."""
    for start in range(0, len(events), 200):
        batch = [{"type": "process.progress", "data": {"projectId": project, "processId": "p", "message": message}}
                 for project, message in events[start : start + 200]]
        status, answers = post(bridge, "/v1/publish", json.dumps(batch).encode())
        assert status == 200 and all("accepted" in answer for answer in answers), answers


MEMORY = pathlib.Path("/sys/fs/cgroup/memory")


def test_rx_10_with_little_memory_events_are_let_go_and_the_process_lives(tmp_path, figures):
    group = MEMORY / f"rialto-attack-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(256 << 20))
    except OSError as error:
        figures["NOT RUN"] = f"no memory control group: {error}"
        print("\n!!!! RX-10 NOT RUN !!!!\n")
        return
    try:
        with serving(tmp_path, "--max-log-bytes", "64MiB", "--max-idempotency-bytes", "8MiB") as bridge:
            (group / "cgroup.procs").write_text(str(bridge.process.pid))
            frozen = [Peer(bridge.websocket, receive=4096) for _ in range(100)]
            for peer in frozen:
                peer.subscribe(*[f"project:{number}" for number in range(20)])
            with control(bridge, figures, baseline=2):
                for number in range(60):
                    many(bridge, [(str(number), "x" * 8_000)] * 400)
                assert metrics(bridge)["rialto_log_bytes"] <= 64 << 20
                for peer in frozen:
                    peer.stream.close()
            failures = int((group / "memory.failcnt").read_text())
            figures["published"] = "190 MiB"
            figures["log"] = f"{metrics(bridge)['rialto_log_bytes'] / (1 << 20):.0f} of 64 MiB"
            figures["allocations at the limit"] = failures
        with serving(tmp_path, "--max-log-bytes", "1GiB") as generous:
            for number in range(20):
                many(generous, [(str(number), "x" * 8_000)] * 400)
            assert metrics(generous)["rialto_log_bytes"] > 55 << 20, "the negative control: what is kept is what is allowed"
    finally:
        eventually(lambda: not (group / "cgroup.procs").read_text(), "the group is empty")
        group.rmdir()


def test_rx_11_everything_at_random_leaves_nothing(tmp_path, figures):
    random_ = random.Random(SEED)
    counts = {"connected": 0, "cut": 0, "published": 0, "subscribed": 0}
    # So few bytes that the logs are full long before the middle: what grows after it is none of theirs.
    with serving(tmp_path, "--max-log-bytes", "16MiB") as bridge, control(bridge, figures, baseline=2):
        before, middle = metrics(bridge), None
        peers, began = [], time.monotonic()
        while time.monotonic() - began < SOAK_SECONDS:
            if middle is None and time.monotonic() - began > SOAK_SECONDS / 2:
                middle = look(bridge).rss
                assert metrics(bridge)["rialto_log_bytes"] > 14 << 20, "the logs are full by now"
            step = random_.random()
            if step < 0.25 and len(peers) < 100:
                peers.append(Peer(bridge.websocket))
                counts["connected"] += 1
            elif step < 0.45 and peers:
                peer = peers.pop(random_.randrange(len(peers)))
                if random_.random() < 0.5:
                    peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                peer.stream.close()
                counts["cut"] += 1
            elif step < 0.8 and peers:
                peer, project = random_.choice(peers), random_.randrange(20)
                kind = random_.choice(["subscribe", "unsubscribe"])
                name = f"project:{project}"
                peer.say(f"channel.{kind}", channels=[{"name": name} if kind == "subscribe" else name])
                with contextlib.suppress(TimeoutError, Ended):
                    while True:
                        peer.receive(0.0)
                counts["subscribed"] += 1
            else:
                many(bridge, [(str(random_.randrange(20)), "x" * random_.randrange(500)) for _ in range(5)])
                counts["published"] += 5
        growth = look(bridge).rss - middle
        figures["log"] = f"{metrics(bridge)['rialto_log_bytes'] / (1 << 20):.0f} MiB"

        def back():
            now = metrics(bridge)
            return all(now[f"rialto_{name}"] <= before[f"rialto_{name}"] for name in ("connections", "subscriptions"))

        last = Peer(bridge.websocket)
        assert counts["connected"] > 20 and not back(), "the negative control: there is something to let go of"
        for peer in [last, *peers]:
            peer.stream.close()
        eventually(back, "connections and subscriptions are what they were")
    figures.update(counts)
    figures["RSS, second half"] = f"{growth / (1 << 20):+.1f} MiB"
    assert growth < 10 << 20


def test_rx_12_channels_that_were_used_once_are_forgotten(tmp_path, figures):
    count = 20_000
    with serving(tmp_path, "--channel-idle", "1s", "--tombstone-age", "1s", schema=SHORT) as bridge:
        with control(bridge, figures, baseline=2):
            before = metrics(bridge)
            many(bridge, [(f"once-{number}", "x" * 100) for number in range(count)])
            peak = metrics(bridge)["rialto_channels"]
            assert peak > count / 4, "the negative control: they were there"
            eventually(lambda: metrics(bridge)["rialto_channels"] <= before["rialto_channels"] + 1, "channels expire")
            figures["channels"] = f"{peak:.0f} → {metrics(bridge)['rialto_channels']:.0f}"
            figures["log"] = f"{metrics(bridge)['rialto_log_bytes'] / 1024:.0f} KiB"
