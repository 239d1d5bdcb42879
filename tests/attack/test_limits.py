"""Rows of resource limits that `make test` runs."""

import json

from bridges import eventually
from conftest import control, metrics, serving
from peer import TEXT, Ended, Peer, frame


def test_rx_05_subscriptions_are_bounded_in_number_and_rate_and_leave_nothing(tmp_path, bridge):
    with control(bridge):
        before = metrics(bridge)
        with Peer(bridge.websocket) as peer:
            own = len(eventually(lambda: [1] * int(metrics(bridge)["rialto_subscriptions"] - before["rialto_subscriptions"]),
                                 "the channels of its own"))
            room = 128 - own
            answers = peer.subscribe(*[f"project:{number}" for number in range(room)])
            assert {answer["type"] for answer in answers} == {"channel.subscribed"}
            (over,) = peer.subscribe("project:over")
            assert over["data"]["code"] == 4008
            # Once more to one that it has is no further one.
            assert peer.subscribe("project:1")[0]["type"] == "channel.subscribed"
            # Thousands in one frame; ten thousand do not fit into one.
            peer.say("channel.subscribe", "many", channels=[{"name": "p:1"} for _ in range(3_000)])
            assert peer.error("many") == 4008
            peer.say("channel.unsubscribe", "many", channels=["a"] * 10_000)
            assert peer.error("many") == 4008
        with Peer(bridge.websocket) as peer:
            # Subscribe and unsubscribe as fast as it goes, whatever is answered.
            said = b"".join(
                frame(TEXT, json.dumps({"type": f"channel.{kind}", "data": {"channels": channels}}).encode())
                for number in range(2_000)
                for kind, channels in (("subscribe", [{"name": f"project:{number}"}]), ("unsubscribe", [f"project:{number}"]))
            )
            peer.send(said)
            codes = set()
            try:
                while True:
                    heard = peer.hear()
                    codes.add(heard["data"].get("code"))
            except Ended as end:
                assert end.args == (4004,), "who ignores the rate is closed"
            assert 4004 in codes, "it is told before"

        def back():
            now = metrics(bridge)
            return all(now[f"rialto_{name}"] <= before[f"rialto_{name}"] for name in ("subscriptions", "connections", "channels"))

        eventually(back, "subscriptions, connections and channels are what they were")
    with serving(tmp_path, "--max-subscriptions", "300", "--commands-per-second", "100000", "--commands-burst", "100000") as generous:
        with Peer(generous.websocket) as peer:
            answers = peer.subscribe(*[f"project:{number}" for number in range(200)])
            assert {answer["type"] for answer in answers} == {"channel.subscribed"}, "the negative control"
