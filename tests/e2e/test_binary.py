"""The subprotocol `rialto.v1.proto`, read with Google's protobuf runtime and classes made from proto/.

What a frame's `type` names is found in the schema itself: in the event options of its messages.
"""

import importlib
import threading

import grpc
import pytest
from binary_client import PROTO, BinarySubscriber, Schema, filled
from conftest import PATIENCE, running
from google.protobuf import json_format, timestamp_pb2
from test_clients import CHANNEL, Subscriber, packed, progress, publish_all, stub  # noqa: F401 (a fixture)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "é": ""}


@pytest.fixture(scope="session")
def schema(stubs):
    return Schema()


def timestamp(text):
    value = timestamp_pb2.Timestamp()
    value.FromJsonString(text)
    return value


def test_every_event_of_the_catalogue_is_the_same_as_published_and_as_in_json(bridge, stubs, stub, schema):
    from_client = importlib.import_module("rialto.v1.options_pb2").FROM_CLIENT
    own = schema.socket.DESCRIPTOR.message_types_by_name
    events = [
        filled(kind(), number)
        for number, (name, (kind, event)) in enumerate(sorted(schema.types.items()))
        if getattr(event, "from") != from_client and kind.DESCRIPTOR.name not in own
    ]

    def publish():
        wanted = [stubs.publisher.Event(payload=packed(event), metadata=TRACE) for event in events]
        return publish_all(stubs, stub, wanted, 20)

    # What is refused (rules, private events) is not of this test; where the others go is learned from their acks.
    acks = publish()
    taken = [index for index, ack in enumerate(acks) if ack.WhichOneof("result") == "accepted"]
    assert len(taken) > 30, acks
    events = [events[index] for index in taken]
    channels = sorted({at.channel for index in taken for at in acks[index].accepted.positions})
    wanted = [{"name": name} for name in channels]
    with BinarySubscriber(bridge, schema, wanted, "t1") as binary, Subscriber(bridge, wanted, session="t1") as text:
        for subscriber in (binary, text):
            for name in channels:
                subscriber.of(name)
        acks = publish()
        assert all(ack.WhichOneof("result") == "accepted" for ack in acks), acks
        frames, texts = {}, {}
        published = {ack.accepted.event_id: event for ack, event in zip(acks, events)}
        count = sum(len(ack.accepted.positions) for ack in acks)
        while len(frames) < count:
            frame, data = binary.next()
            if frame.id in published:
                frames[frame.id, frame.channel] = frame, data
        while len(texts) < count:
            frame = text.next()
            if frame.get("id") in published:
                texts[frame["id"], frame["channel"]] = frame
    assert frames.keys() == texts.keys()
    for (id, channel), (frame, data) in frames.items():
        json_frame = texts[id, channel]
        assert data == published[id], frame
        assert json_format.ParseDict(json_frame["data"], type(data)()) == data, frame
        assert (frame.type, frame.sequence) == (json_frame["type"], json_frame.get("sequence", 0))
        assert dict(frame.metadata) == json_frame["metadata"] == TRACE
        assert frame.timestamp == timestamp(json_frame["timestamp"])
        assert not frame.reply_to and "replyTo" not in json_frame


def test_a_resumed_binary_connection_goes_on_after_the_last_event(bridge, stubs, stub, schema):
    publish_all(stubs, stub, [progress(stubs, n) for n in range(1, 6)])
    with BinarySubscriber(bridge, schema, [{"name": CHANNEL, "history": 0}]) as subscriber:
        frame, data = subscriber.of(CHANNEL)
        assert (frame.type, frame.reply_to, data.start.sequence) == ("channel.subscribed", "s-1", 5)
        assert not data.HasField("recovered")
        epoch = data.start.epoch
    publish_all(stubs, stub, [progress(stubs, n) for n in range(6, 11)])
    for after in (0, 4, 9, 10):
        position = schema.socket.Position(epoch=epoch, sequence=after)
        with BinarySubscriber(bridge, schema, [{"name": CHANNEL, "after": position}]) as subscriber:
            _, subscribed = subscriber.of(CHANNEL)
            assert (subscribed.recovered, subscribed.start, subscribed.head.sequence) == (True, position, 10)
            assert [subscriber.of(CHANNEL)[0].sequence for _ in range(10 - after)] == list(range(after + 1, 11))
    # A position travels between the forms.
    with Subscriber(bridge, [{"name": CHANNEL, "after": {"epoch": epoch, "sequence": 9}}]) as subscriber:
        assert subscriber.of(CHANNEL)["data"]["recovered"] is True
        assert subscriber.of(CHANNEL)["sequence"] == 10


def test_a_foreign_position_is_reset_in_binary(bridge, stubs, stub, schema):
    publish_all(stubs, stub, [progress(stubs, n) for n in range(1, 4)])
    foreign = schema.socket.Position(epoch="elsewhere", sequence=77)
    with BinarySubscriber(bridge, schema, [{"name": CHANNEL, "after": foreign}]) as subscriber:
        assert subscriber.of(CHANNEL)[1].recovered is False
        frame, reset = subscriber.of(CHANNEL)
        assert (frame.type, reset.previous, reset.start.sequence) == ("channel.reset", foreign, 0)
        assert [subscriber.of(CHANNEL)[0].sequence for _ in range(3)] == [1, 2, 3]


def test_what_is_lost_is_told_in_binary(small_bridge, stubs, schema):
    with grpc.insecure_channel(small_bridge.grpc) as channel:
        stub = stubs.services.PublisherServiceStub(channel)
        with BinarySubscriber(small_bridge, schema, [{"name": CHANNEL}]) as subscriber:
            epoch = subscriber.of(CHANNEL)[1].start.epoch
        publish_all(stubs, stub, [progress(stubs, n) for n in range(1, 2001)], at_once=100)
        position = schema.socket.Position(epoch=epoch, sequence=3)
        with BinarySubscriber(small_bridge, schema, [{"name": CHANNEL, "after": position}]) as subscriber:
            assert subscriber.of(CHANNEL)[1].recovered is False
            frame, gap = subscriber.of(CHANNEL)
            assert (frame.type, gap.epoch, gap.first) == ("channel.gap", epoch, 4)
            assert gap.last > 1000
            expected = list(range(gap.last + 1, 2001))
            assert [subscriber.of(CHANNEL)[0].sequence for _ in expected] == expected


def test_a_binary_reader_that_is_cut_while_events_flow_loses_nothing(bridge, stubs, stub, schema):
    total = 2000
    events = [progress(stubs, n) for n in range(1, total + 1)]
    publisher = threading.Thread(target=lambda: publish_all(stubs, stub, events, at_once=3))
    seen, after = [], None
    while not seen or seen[-1] < total:
        wanted = {"name": CHANNEL, **({"after": after} if after else {})}
        with BinarySubscriber(bridge, schema, [wanted]) as subscriber:
            _, subscribed = subscriber.of(CHANNEL)
            if after is None:
                after = subscribed.start
                publisher.start()
            for _ in range(min(211, total - after.sequence)):
                frame, data = subscriber.of(CHANNEL)
                assert (frame.type, data.progress) == ("process.progress", frame.sequence)
                seen.append(frame.sequence)
                after = schema.socket.Position(epoch=after.epoch, sequence=frame.sequence)
    publisher.join()
    assert seen == list(range(1, total + 1))


def test_type_patterns_and_unsubscribe_in_binary(bridge, stubs, stub, schema):
    with BinarySubscriber(bridge, schema, [{"name": CHANNEL, "types": ["process.started"]}]) as subscriber:
        subscriber.of(CHANNEL)
        started = stubs.project.ProcessStarted(project_id="été 7", process_id="p-1", name="import")
        publish_all(stubs, stub, [progress(stubs, 1), stubs.publisher.Event(payload=packed(started))])
        frame, data = subscriber.of(CHANNEL)
        assert (frame.sequence, data) == (2, started)
        unsubscribe = schema.socket.ChannelUnsubscribe(channels=[CHANNEL])
        subscriber.send("channel.unsubscribe", unsubscribe, id="u")
        frame, data = subscriber.of(CHANNEL)
        assert (frame.type, frame.reply_to, data.reason) == ("channel.unsubscribed", "u", "requested")
        subscriber.send("connection.heartbeat", schema.socket.ConnectionHeartbeat(), id="h")
        assert subscriber.answer("connection.heartbeat")[0].reply_to == "h"


def test_mistakes_in_binary_frames_are_answered_and_survived(bridge, schema):
    socket = schema.socket
    subscribe = lambda **channel: socket.ChannelSubscribe(channels=[socket.Subscription(**channel)])
    message = schema.types["message"][0]
    with BinarySubscriber(bridge, schema) as subscriber:
        mistakes = [
            ("channel.subscribe", subscribe(name="nowhere:1"), 4006, "data.channels[0].name"),
            ("channel.subscribe", subscribe(), 4005, "data.channels[0].name"),
            ("channel.subscribe", subscribe(name="project:1", types=["no.such"]), 4005, "data.channels[0].types"),
            ("process.progress", subscribe(), 4005, "type"),
            ("no.such", subscribe(), 4005, "type"),
            ("connection.init", socket.ConnectionInit(), 4005, "type"),
            ("message", message(content="Hi"), 4007, ""),
            ("message", message(session_id="t1", content="Hi"), 4003, ""),
        ]
        for kind, data, code, path in mistakes:
            subscriber.send(kind, data, id="x")
            frame, error = subscriber.answer("error")
            assert (error.code, error.path, frame.reply_to) == (code, path, "x"), (kind, error)
        broken = [
            (b"\xff", ""),
            (b"\x0a\x05abc", "type"),
            (socket.Frame(type="message", data=b"\x12\x01\xff").SerializeToString(), "data.content"),
        ]
        for message, path in broken:
            subscriber.raw(message)
            _, error = subscriber.answer("error")
            assert (error.code, error.status, error.path) == (4005, "INVALID_ARGUMENT", path)


def test_the_wrong_kind_of_message_and_the_wrong_beginning_close(bridge, schema):
    with BinarySubscriber(bridge, schema) as subscriber:
        subscriber.raw('{"type":"connection.heartbeat"}')
        assert subscriber.closed() == 1003
    heartbeat = schema.socket.Frame(type="connection.heartbeat").SerializeToString()
    for subprotocol, first, code in [
        ("rialto.v1.json", heartbeat, 1003),
        (PROTO, '{"type":"connection.init","data":{}}', 1003),
        (PROTO, heartbeat, 4500),
        (PROTO, b"", 4500),
    ]:
        with connect(bridge.websocket, subprotocols=[subprotocol]) as socket:
            socket.send(first)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=PATIENCE)
            assert closed.value.rcvd.code == code, (subprotocol, first)


def test_the_first_subprotocol_in_common_is_spoken(bridge):
    for offered, spoken in [
        ([PROTO, "rialto.v1.json"], PROTO),
        (["rialto.v1.json", PROTO], "rialto.v1.json"),
        (["rialto.v9.proto", PROTO], PROTO),
    ]:
        with connect(bridge.websocket, subprotocols=offered) as socket:
            assert socket.subprotocol == spoken
    with pytest.raises(InvalidStatus) as refused:
        connect(bridge.websocket, subprotocols=["rialto.v9.proto"])
    assert refused.value.response.status_code == 400


def test_a_bridge_that_drains_asks_binary_clients_to_come_back(tmp_path, stubs, schema):
    with running(["serve"], tmp_path) as bridge:
        subscriber = BinarySubscriber(bridge, schema)
    frame, reconnect = subscriber.answer("connection.reconnect")
    assert reconnect.reason == "draining"
    assert subscriber.closed() == 4100
