"""The control pair: one publisher and five subscribers on a channel of their own, in a process of their own beside every
attack. What they saw goes to a ledger, and how long each event took.

As a program it is the pair itself: it takes `phase NAME` and `stop` on its input, and answers at the end with one JSON.
"""

import http.client
import json
import sys
import threading
import time

import ledger
from beside import Beside
from peer import PATIENCE, Ended, Peer, address

SUBSCRIBERS = 5
PER_SECOND = 100
CHANNEL = "project:control"


class Pair(Beside):
    """Runs the pair."""

    def __init__(self, bridge, token=None, publisher=None):
        super().__init__(__file__, bridge.admin, bridge.websocket, token or "", publisher or "")

    def finish(self):
        """Its ledger, and its latencies by phase."""
        said = self.stop()
        published = [ledger.Published(*event) for event in said["published"]]
        views = []
        for number, seen in enumerate(said["views"]):
            entries = [getattr(ledger, kind)(*fields) for kind, *fields in seen]
            views.append(ledger.View(f"control {number}", entries, waited={CHANNEL: said["waited"]}))
        return published, views, said["latencies"]


class Subscriber(threading.Thread):
    def __init__(self, where, token):
        super().__init__(daemon=True)
        self.peer = Peer(where, token=token)
        (answer,) = self.peer.subscribe(CHANNEL)
        start = answer["data"]["start"]
        self.entries = [("Subscribed", CHANNEL, start["epoch"], start["sequence"], None)]
        self.sequence, self.arrived = start["sequence"], {}

    def run(self):
        try:
            while True:
                heard = self.peer.hear(timeout=86_400)
                now, data = time.monotonic(), heard["data"]
                if heard["type"] == "channel.gap":
                    self.entries.append(("Gap", CHANNEL, data["epoch"], data["first"], data["last"]))
                elif heard["type"] == "channel.reset":
                    self.entries.append(("Reset", CHANNEL, data["start"]["epoch"], data["start"]["sequence"]))
                elif heard.get("channel") == CHANNEL:
                    self.arrived[data["message"]] = now
                    self.entries.append(("Delivered", CHANNEL, heard["sequence"], data["message"]))
                    self.sequence = heard["sequence"]
        except (Ended, OSError) as end:
            self.entries.append(("Closed", end.args[0] if isinstance(end, Ended) and end.args else None))


def run(admin, where, token, publisher):
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {publisher}"} if publisher else {})}
    subscribers = [Subscriber(where, token or None) for _ in range(SUBSCRIBERS)]
    for subscriber in subscribers:
        subscriber.start()
    orders, phase, stop = [], "baseline", threading.Event()

    def listen():
        for line in sys.stdin:
            orders.append(line.split())
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    print("ready", flush=True)
    published, sent, line = [], {}, None
    next_at = time.monotonic()
    while not stop.is_set():
        while orders:
            order = orders.pop(0)
            if order[0] == "stop":
                stop.set()
            else:
                phase = order[1]
                print(phase, flush=True)
        id = f"c{len(published)}"
        sent[id] = (phase, time.monotonic())
        data = {"projectId": "control", "processId": "c", "message": id}
        event = json.dumps({"type": "process.progress", "data": data, "idempotencyKey": id})
        outcome = ("unknown",)
        # A connection that is kept alive may end just when it is used: once more, on another one, with the same key.
        for _ in range(2):
            try:
                line = line or http.client.HTTPConnection(*address(admin), timeout=PATIENCE)
                line.request("POST", "/v1/publish", event, headers)
                answer = line.getresponse()
                body = json.loads(answer.read())
                outcome = ("refused",)
                if answer.status == 200:
                    (at,) = body["positions"]
                    outcome = ("acked", at["epoch"], at["sequence"])
                break
            except (OSError, http.client.HTTPException):
                line.close()
                line = None
        published.append((CHANNEL, id, *outcome))
        next_at = max(next_at + 1 / PER_SECOND, time.monotonic() - 0.1)
        stop.wait(max(0, next_at - time.monotonic()))
    waited = max((event[4] for event in published if event[2] == "acked"), default=0)
    deadline = time.monotonic() + PATIENCE
    while any(s.is_alive() and s.sequence < waited for s in subscribers) and time.monotonic() < deadline:
        time.sleep(0.01)
    latencies = {}
    for subscriber in subscribers:
        for id, at in list(subscriber.arrived.items()):
            name, began = sent[id]
            latencies.setdefault(name, []).append(at - began)
    views = [list(subscriber.entries) for subscriber in subscribers]
    print(json.dumps({"published": published, "views": views, "waited": waited, "latencies": latencies}))


if __name__ == "__main__":
    run(*sys.argv[1:])
