"""A Python publisher and a Python subscriber that share no code with the bridge.

grpcio publishes, `websockets` subscribes; the protocol below is written from its description.
"""

import contextlib
import json
import threading
import urllib.error
import urllib.request

import grpc
import pytest
from conftest import PATIENCE, running
from google.protobuf import any_pb2
from websockets.sync.client import connect

CHANNEL = "project:été 7"


class Subscriber:
    """One connection of the subprotocol `rialto.v1.json`."""

    def __init__(self, bridge, channels=(), resume=(), session=None):
        query = f"?session_id={session}" if session else ""
        self.stack = contextlib.ExitStack()
        socket = connect(f"{bridge.websocket}{query}", subprotocols=["rialto.v1.json"], max_size=None, max_queue=None)
        self.socket = self.stack.enter_context(socket)
        assert self.socket.subprotocol == "rialto.v1.json"
        self.send("connection.init", {"clientId": "python", "resume": list(resume)})
        self.ack = self.next()
        assert self.ack["type"] == "connection.ack", self.ack
        if channels:
            self.send("channel.subscribe", {"channels": list(channels)}, id="s-1")

    def send(self, kind, data, **envelope):
        self.socket.send(json.dumps({"type": kind, "data": data, **envelope}))

    def next(self):
        frame = json.loads(self.socket.recv(timeout=PATIENCE))
        return self.next() if frame["type"] == "connection.heartbeat" else frame

    def of(self, channel):
        """The next frame that concerns this channel."""
        while True:
            frame = self.next()
            assert frame["type"] not in ("error", "connection.error"), frame
            if channel in (frame.get("channel"), frame.get("data", {}).get("channel")):
                return frame

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


def packed(message):
    payload = any_pb2.Any()
    payload.Pack(message, type_url_prefix="example.com/types")  # any prefix is fine
    return payload


def progress(stubs, number, project="été 7", **event):
    message = stubs.project.ProcessProgress(project_id=project, process_id=f"p-{number}", progress=number)
    return stubs.publisher.Event(payload=packed(message), **event)


def publish_all(stubs, stub, events, at_once=1):
    """Publishes on one stream and returns the acks, in order."""
    chunks = [events[start : start + at_once] for start in range(0, len(events), at_once)]
    requests = (stubs.publisher.PublishStreamRequest(events=chunk) for chunk in chunks)
    return [ack for response in stub.PublishStream(requests, timeout=PATIENCE) for ack in response.acks]


@pytest.fixture
def stub(bridge, stubs):
    with grpc.insecure_channel(bridge.grpc) as channel:
        yield stubs.services.PublisherServiceStub(channel)


def test_a_unary_publish_reaches_a_subscriber(bridge, stubs, stub):
    with Subscriber(bridge, [{"name": CHANNEL}]) as subscriber:
        subscribed = subscriber.of(CHANNEL)
        assert subscribed["type"] == "channel.subscribed"
        assert subscribed["replyTo"] == "s-1"
        assert subscribed["data"]["start"]["sequence"] == 0
        event = progress(stubs, 12.5, metadata={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
        accepted = stub.Publish(stubs.publisher.PublishRequest(event=event), timeout=PATIENCE).accepted
        assert [(at.channel, at.sequence) for at in accepted.positions] == [(CHANNEL, 1)]
        frame = subscriber.of(CHANNEL)
        assert frame["type"] == "process.progress"
        assert frame["sequence"] == 1
        assert frame["id"] == accepted.event_id
        assert frame["metadata"] == dict(event.metadata)
        # Fields without presence are always printed.
        assert frame["data"] == {"projectId": "été 7", "processId": "p-12.5", "progress": 12.5, "message": ""}
        assert accepted.positions[0].epoch == subscribed["data"]["start"]["epoch"]


@pytest.mark.parametrize("at_once", [1, 7, 400])
def test_a_stream_is_acked_and_delivered_in_order(bridge, stubs, stub, at_once):
    with Subscriber(bridge, [{"name": CHANNEL}]) as subscriber:
        subscriber.of(CHANNEL)
        acks = publish_all(stubs, stub, [progress(stubs, n) for n in range(1, 401)], at_once)
        assert [ack.accepted.positions[0].sequence for ack in acks] == list(range(1, 401))
        frames = [subscriber.of(CHANNEL) for _ in range(400)]
        assert [frame["sequence"] for frame in frames] == list(range(1, 401))
        assert [frame["data"]["progress"] for frame in frames] == list(range(1, 401))
        assert [frame["id"] for frame in frames] == [ack.accepted.event_id for ack in acks]


def test_a_publisher_that_reads_no_acks_is_held_back_and_not_cut(stubs, stub):
    """Thousands of the smallest events are thousands of small unread frames, which HTTP/2 may take for an attack."""
    sent = 0
    enough = threading.Event()

    def requests():
        nonlocal sent
        while not enough.is_set():
            sent += 1
            event = stubs.publisher.Event(payload=packed(stubs.project.ProcessProgress(project_id="held")))
            yield stubs.publisher.PublishStreamRequest(events=[event])

    call = stub.PublishStream(requests())
    before = -1
    while sent != before:
        before = sent
        enough.wait(1)  # a publisher that is held back pulls no request for so long
    held_back_at = sent
    assert held_back_at > 1_000
    acked = 0
    for response in call:
        acked += len(response.acks)
        assert all(ack.WhichOneof("result") == "accepted" for ack in response.acks)
        if acked >= held_back_at:
            enough.set()
    assert acked == sent >= held_back_at


def test_a_bad_event_is_refused_alone_with_its_field_path(bridge, stubs, stub):
    bad = stubs.publisher.Event(json=stubs.publisher.JsonPayload(type="project.created", data='{"projectId":"a","project":{"name":7}}'))
    unknown = stubs.publisher.Event(json=stubs.publisher.JsonPayload(type="project.dreamed", data="{}"))
    empty = progress(stubs, 1, project="")
    acks = publish_all(stubs, stub, [progress(stubs, 1), bad, unknown, empty, progress(stubs, 2)])
    assert [ack.WhichOneof("result") for ack in acks] == ["accepted", "error", "error", "error", "accepted"]
    assert [acks[index].accepted.positions[0].sequence for index in (0, 4)] == [1, 2]
    details = stubs.error_details.BadRequest()
    assert any(detail.Unpack(details) for detail in acks[1].error.details), acks[1].error
    assert details.field_violations[0].field == "project.name"
    assert acks[2].error.code != 0 and "project.dreamed" in acks[2].error.message
    assert acks[3].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_a_refused_call_is_a_status(stubs, stub):
    event = stubs.publisher.Event(json=stubs.publisher.JsonPayload(type="process.progress", data='{"progress":"much"}'))
    with pytest.raises(grpc.RpcError) as refused:
        stub.Publish(stubs.publisher.PublishRequest(event=event), timeout=PATIENCE)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    status = stubs.status.Status.FromString(dict(refused.value.trailing_metadata())["grpc-status-details-bin"])
    details = stubs.error_details.BadRequest()
    assert any(detail.Unpack(details) for detail in status.details)
    assert details.field_violations[0].field == "progress"


def test_an_idempotency_key_makes_a_retry_safe(stubs, stub):
    def publish(number):
        event = progress(stubs, number, idempotency_key="k-1")
        return stub.Publish(stubs.publisher.PublishRequest(event=event), timeout=PATIENCE).accepted

    first, again = publish(1), publish(1)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.event_id == first.event_id and again.positions == first.positions
    with pytest.raises(grpc.RpcError) as refused:
        publish(2)
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_resuming_continues_after_the_last_event_seen(bridge, stubs, stub):
    publish_all(stubs, stub, [progress(stubs, n) for n in range(1, 6)])
    with Subscriber(bridge, [{"name": CHANNEL, "history": 0}]) as subscriber:
        epoch = subscriber.of(CHANNEL)["data"]["start"]["epoch"]
    publish_all(stubs, stub, [progress(stubs, n) for n in range(6, 11)])
    for after in (0, 4, 9, 10):
        position = {"epoch": epoch, "sequence": after}
        with Subscriber(bridge, [{"name": CHANNEL, "after": position}]) as subscriber:
            subscribed = subscriber.of(CHANNEL)["data"]
            assert subscribed["recovered"] is True
            assert subscribed["start"] == position
            assert subscribed["head"]["sequence"] == 10
            assert [subscriber.of(CHANNEL)["sequence"] for _ in range(10 - after)] == list(range(after + 1, 11))


def test_a_foreign_position_is_reset(bridge, stubs, stub):
    publish_all(stubs, stub, [progress(stubs, n) for n in range(1, 4)])
    foreign = {"epoch": "elsewhere", "sequence": 77}
    with Subscriber(bridge, [{"name": CHANNEL, "after": foreign}]) as subscriber:
        assert subscriber.of(CHANNEL)["data"]["recovered"] is False
        reset = subscriber.of(CHANNEL)
        assert reset["type"] == "channel.reset"
        assert reset["data"]["previous"] == foreign
        assert reset["data"]["start"]["sequence"] == 0
        assert [subscriber.of(CHANNEL)["sequence"] for _ in range(3)] == [1, 2, 3]


def test_what_is_lost_is_told(small_bridge, stubs):
    """Far more is published than the log keeps while the subscriber is away."""
    with grpc.insecure_channel(small_bridge.grpc) as channel:
        stub = stubs.services.PublisherServiceStub(channel)
        with Subscriber(small_bridge, [{"name": CHANNEL}]) as subscriber:
            epoch = subscriber.of(CHANNEL)["data"]["start"]["epoch"]
        publish_all(stubs, stub, [progress(stubs, n) for n in range(1, 2001)], at_once=100)
        with Subscriber(small_bridge, [{"name": CHANNEL, "after": {"epoch": epoch, "sequence": 3}}]) as subscriber:
            subscribed = subscriber.of(CHANNEL)["data"]
            assert subscribed["recovered"] is False
            gap = subscriber.of(CHANNEL)
            assert gap["type"] == "channel.gap"
            assert gap["data"]["first"] == 4
            first = gap["data"]["last"] + 1
            assert first > 1000
            expected = list(range(first, 2001))
            assert [subscriber.of(CHANNEL)["sequence"] for _ in expected] == expected


def test_cuts_while_events_flow_lose_nothing(bridge, stubs, stub):
    total = 3000
    publisher = threading.Thread(
        target=lambda: publish_all(stubs, stub, [progress(stubs, n) for n in range(1, total + 1)], at_once=3)
    )
    seen, after, first = [], None, True
    while not seen or seen[-1] < total:
        wanted = {"name": CHANNEL, **({"after": after} if after else {})}
        with Subscriber(bridge, [wanted]) as subscriber:
            subscribed = subscriber.of(CHANNEL)["data"]
            after = after or subscribed["start"]
            if first:
                publisher.start()
                first = False
            for _ in range(min(211, total - after["sequence"])):
                frame = subscriber.of(CHANNEL)
                assert frame["type"] == "process.progress", frame
                seen.append(frame["sequence"])
                after = {**after, "sequence": frame["sequence"]}
    publisher.join()
    assert seen == list(range(1, total + 1))


def test_type_patterns_choose(bridge, stubs, stub):
    with Subscriber(bridge, [{"name": CHANNEL, "types": ["project.*", "process.started"]}]) as subscriber:
        subscriber.of(CHANNEL)
        started = stubs.project.ProcessStarted(project_id="été 7", process_id="p-1", name="import")
        created = stubs.project.ProjectCreated(project_id="été 7")
        events = [
            progress(stubs, 1),
            stubs.publisher.Event(payload=packed(started)),
            progress(stubs, 2),
            stubs.publisher.Event(payload=packed(created)),
        ]
        publish_all(stubs, stub, events)
        frames = [subscriber.of(CHANNEL) for _ in range(2)]
        assert [(frame["type"], frame["sequence"]) for frame in frames] == [("process.started", 2), ("project.created", 4)]


def test_a_plain_connection_gets_events_without_a_word(bridge, stubs, stub):
    with connect(f"{bridge.websocket}?session_id=t1") as socket:

        def received(kind):
            while True:
                frame = json.loads(socket.recv(timeout=PATIENCE))
                if frame["type"] == kind:
                    return frame

        assert received("connection.ack")["data"]["sessionId"] == "t1"
        channels = {received("channel.subscribed")["data"]["channel"] for _ in range(3)}
        assert channels == {"session:t1", "system", "operations"}
        heartbeat = stubs.publisher.Event(payload=packed(stubs.project.SystemHeartbeat(source="python")))
        stub.Publish(stubs.publisher.PublishRequest(event=heartbeat), timeout=PATIENCE)
        assert received("system.heartbeat")["data"]["source"] == "python"
        # Flat frames are for people at a terminal.
        socket.send(json.dumps({"type": "channel.subscribe", "channels": [{"name": CHANNEL}]}))
        assert received("channel.subscribed")["data"]["channel"] == CHANNEL
        stub.Publish(stubs.publisher.PublishRequest(event=progress(stubs, 3)), timeout=PATIENCE)
        assert received("process.progress")["channel"] == CHANNEL


def test_mistakes_are_answered_and_survived(bridge):
    with connect(bridge.websocket) as socket:
        mistakes = [
            ("not JSON", 4005),
            ('{"type":"channel.subscribe","id":"x","data":{"channels":[{"name":"nowhere:1"}]}}', 4006),
            ('{"type":"channel.subscribe","id":"x","data":{"channels":[{"name":"project:1","types":["no.such"]}]}}', 4005),
            ('{"type":"process.progress","id":"x","data":{}}', 4005),
        ]
        for text, code in mistakes:
            socket.send(text)
            while True:
                frame = json.loads(socket.recv(timeout=PATIENCE))
                if frame["type"] == "error":
                    break
            assert frame["data"]["code"] == code, (text, frame)


def test_http_publishes_and_guards_itself(bridge):
    def post(body, **headers):
        request = urllib.request.Request(f"{bridge.admin}/v1/publish", body.encode(), {"content-type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    status, answer = post('{"type":"process.progress","data":{"projectId":"9","progress":1}}')
    assert status == 200
    assert [(at["channel"], at["sequence"]) for at in answer["positions"]] == [("project:9", 1)]
    status, answer = post('{"type":"process.progress","data":{"progress":{}}}')
    assert status == 400 and "progress" in answer
    assert post("{}", origin="http://127.0.0.1")[0] == 403
    assert post("{}", host="evil.example")[0] in (400, 403, 421)
    assert post("{}", **{"content-type": "text/plain"})[0] == 415


def test_a_schema_of_ones_own(tmp_path, stubs):
    """What the bundled catalogue has is gone, what the folder declares is there."""
    folder = tmp_path / "my-proto" / "shop" / "v1"
    folder.mkdir(parents=True)
    (folder / "shop.proto").write_text(
        """
        syntax = "proto3";
        package shop.v1;
        import "rialto/v1/options.proto";
        message ShopChannel {
          option (rialto.v1.channel) = { template: "shop:{shop_id}" };
          string shop_id = 1;
        }
        message OrderPlaced {
          option (rialto.v1.event) = { type: "order.placed", channels: ["ShopChannel"] };
          string shop_id = 1;
          int64 cents = 2;
        }
        """
    )
    with running(["serve", "--schema", str(tmp_path / "my-proto")], tmp_path) as bridge:
        with grpc.insecure_channel(bridge.grpc) as channel, Subscriber(bridge, [{"name": "shop:1"}]) as subscriber:
            subscriber.of("shop:1")
            stub = stubs.services.PublisherServiceStub(channel)
            order = stubs.publisher.JsonPayload(type="order.placed", data='{"shop_id":"1","cents":1999}')
            request = stubs.publisher.PublishRequest(event=stubs.publisher.Event(json=order))
            stub.Publish(request, timeout=PATIENCE)
            assert subscriber.of("shop:1")["data"] == {"shopId": "1", "cents": "1999"}
            with pytest.raises(grpc.RpcError):
                stub.Publish(stubs.publisher.PublishRequest(event=progress(stubs, 1)), timeout=PATIENCE)
