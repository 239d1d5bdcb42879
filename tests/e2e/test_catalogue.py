"""Every event of the bundled catalogue, with every field filled: what Python packs is what a subscriber reads.

The samples are made from the descriptors and printed by Python's own ProtoJSON: nothing here knows an event by name.
"""

import importlib
import json
import re

import grpc
import pytest
from conftest import PATIENCE, ROOT
from google.protobuf import duration_pb2, json_format, message_factory, struct_pb2, timestamp_pb2
from test_clients import Subscriber, packed, publish_all

JS_NUMBER = 2
FROM_CLIENT = 2
ROUTE_HANDLER = 1
KNOWN = {
    "google.protobuf.Timestamp": timestamp_pb2.Timestamp(seconds=1_700_000_000, nanos=123_000_000),
    "google.protobuf.Duration": duration_pb2.Duration(seconds=75, nanos=250_000_000),
    "google.protobuf.Struct": json_format.ParseDict({"a": 1.5, "b": [True, None, "ü"], "c": {}}, struct_pb2.Struct()),
    "google.protobuf.Value": struct_pb2.Value(string_value="free"),
}

RULED = {
    "url": "https://files.example/a%20b?c=1",
    "sha256": "0f" * 32,
    "session.v1.Connection.status": "reconnecting",
}
"""What fields must hold that have a rule, by name."""


class Catalogue:
    """The events and channel templates that are not Rialto's own."""

    def __init__(self):
        options = importlib.import_module("rialto.v1.options_pb2")
        modules = ["rialto.v1.channels_pb2"]
        for path in sorted((ROOT / "proto").rglob("*.proto")):
            name = ".".join(path.relative_to(ROOT / "proto").with_suffix("").parts) + "_pb2"
            if not name.startswith(("rialto.", "google.")):
                modules.append(name)
        self.templates, self.events = {}, []
        for name in modules:
            for message in importlib.import_module(name).DESCRIPTOR.message_types_by_name.values():
                declared = message.GetOptions()
                if declared.HasExtension(options.channel):
                    self.templates[message.name] = declared.Extensions[options.channel].template
                if declared.HasExtension(options.event):
                    self.events.append((message, declared.Extensions[options.event]))

    def of(self, sender):
        return [(message, event) for message, event in self.events if (getattr(event, "from") == FROM_CLIENT) == sender]

    def channels_of(self, event, sample):
        """The names of the channels, from the sample's own fields."""
        templates = [self.templates[name.rpartition(".")[2]] for name in event.channels]
        return [re.sub(r"\{(\w+)\}", lambda found: getattr(sample, found[1]), template) for template in templates]


@pytest.fixture
def catalogue(stubs):
    return Catalogue()


def scalar(field):
    """A value that is not the default, and that a careless printer spoils."""
    large = 2**53 - 1 if field.GetOptions().jstype == JS_NUMBER else 2**53 + field.number
    if ruled := RULED.get(field.full_name) or RULED.get(field.name):
        return bytes.fromhex(ruled) if field.type == field.TYPE_BYTES else ruled
    if field.name.endswith("_id"):
        return f"{field.name}-1"  # may be a part of a channel's name
    return {
        field.CPPTYPE_INT32: -7 if field.type != field.TYPE_UINT32 else 7,
        field.CPPTYPE_INT64: -large,
        field.CPPTYPE_UINT32: 4_000_000_000,
        field.CPPTYPE_UINT64: large,
        field.CPPTYPE_DOUBLE: 0.1,
        field.CPPTYPE_FLOAT: 0.25,
        field.CPPTYPE_BOOL: True,
        field.CPPTYPE_STRING: b"\x00\xffbytes" if field.type == field.TYPE_BYTES else f'{field.name} "é"\n',
    }[field.cpp_type]


def value(field):
    if field.message_type:
        known = KNOWN.get(field.message_type.full_name)
        return known or sample(field.message_type)
    if field.enum_type:
        return field.enum_type.values[-1].number
    return scalar(field)


def sample(descriptor):
    """A message with every field filled; of a oneof, the last."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.message_type and field.message_type.GetOptions().map_entry:
            key, item = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            if item.message_type:
                getattr(message, field.name)[scalar(key)].CopyFrom(value(item))
            else:
                getattr(message, field.name)[scalar(key)] = value(item)
        elif field.is_repeated:
            getattr(message, field.name).extend([value(field)] * 2)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(value(field))
        else:
            setattr(message, field.name, value(field))
    return message


def expected(message):
    """Python's ProtoJSON, with numbers where the schema asks for them."""
    printed = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return with_numbers(message.DESCRIPTOR, printed)


def with_numbers(descriptor, printed):
    if descriptor.full_name.startswith("google.protobuf."):
        return printed
    for field in descriptor.fields:
        if field.json_name not in printed:
            continue
        held = printed[field.json_name]
        if field.GetOptions().jstype == JS_NUMBER:
            printed[field.json_name] = int(held)
        elif field.message_type and field.message_type.GetOptions().map_entry:
            item = field.message_type.fields_by_name["value"].message_type
            if item:
                held.update({key: with_numbers(item, value) for key, value in held.items()})
        elif field.message_type:
            for value in held if field.is_repeated else [held]:
                with_numbers(field.message_type, value)
    return printed


def test_every_event_of_the_catalogue_arrives_with_every_field(bridge, stubs, catalogue):
    samples = [(event, sample(message)) for message, event in catalogue.of(sender=False)]
    assert len(samples) > 50
    wanted, events = [], []
    for event, message in samples:
        channels = catalogue.channels_of(event, message)
        private = [] if channels else ["session:session_id-1"]
        events.append(stubs.publisher.Event(payload=packed(message), channels=private))
        wanted += [(channel, event.type, message) for channel in channels or private]
    names = {channel for channel, _, _ in wanted}
    asked = [{"name": name} for name in sorted(names) if not name.startswith(("session:", "system", "operations"))]
    with grpc.insecure_channel(bridge.grpc) as channel, Subscriber(bridge, asked, session="session_id-1") as subscriber:
        subscribed = set()
        while not names <= subscribed:
            subscribed.add(subscriber.next()["data"]["channel"])
        acks = publish_all(stubs, stubs.services.PublisherServiceStub(channel), events, at_once=10)
        refused = {event.type: ack.error for (event, _), ack in zip(samples, acks, strict=True) if ack.HasField("error")}
        assert not refused
        frames = {}
        while len(frames) < len(wanted):
            frame = subscriber.next()
            frames[frame["channel"], frame["type"]] = frame["data"]
    for channel, kind, message in wanted:
        assert frames[channel, kind] == expected(message), kind


BROKEN = [
    ("file.created", {"projectId": "7"}, "file"),
    ("file.created", {"projectId": "7", "file": {"name": "a", "sha256": "00"}}, "file.sha256"),
    ("tool.call.progress", {"sessionId": "t1", "progress": 100.5}, "progress"),
    ("team.presence.update", {"teamId": "red", "userId": "u7"}, "status"),
    ("connection", {"sessionId": "t1", "status": "away"}, "status"),
    ("workflow.step_completed", {"workflowId": "w", "stepId": "s", "metrics": {"confidence": 1.5}}, "metrics.confidence"),
    ("workflow.step_completed", {"workflowId": "w", "stepId": "s", "artifacts": {"a": {"sha256": "AA=="}}}, "sha256"),
]


@pytest.mark.parametrize(("kind", "data", "path"), BROKEN)
def test_what_breaks_a_rule_is_refused_with_its_field(bridge, stubs, kind, data, path):
    event = stubs.publisher.Event(json=stubs.publisher.JsonPayload(type=kind, data=json.dumps(data)))
    with grpc.insecure_channel(bridge.grpc) as channel:
        [ack] = publish_all(stubs, stubs.services.PublisherServiceStub(channel), [event])
    assert ack.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0], ack
    assert path in ack.error.message


def test_a_client_is_told_which_rule_it_breaks(bridge):
    broken = [
        ("message", {"sessionId": "t1", "content": ""}, "data.content"),
        ("message", {"sessionId": "t1", "content": "x" * 16385}, "data.content"),
        ("chat.configure", {"conversationId": "c", "temperature": 2.5}, "data.temperature"),
        ("chat.message", {"conversationId": "c"}, "data"),
        ("file.chunk", {"sessionId": "t1", "uploadId": "u", "content": "AA==", "sha256": "AA=="}, "data.sha256"),
    ]
    with Subscriber(bridge, session="t1") as subscriber:
        for kind, data, path in broken:
            subscriber.send(kind, data, id=kind)
            while (frame := subscriber.next())["type"] != "error":
                pass
            assert (frame["data"]["code"], frame["data"]["path"]) == (4005, path), frame


def test_clients_own_events_are_not_published_by_services(bridge, stubs, catalogue):
    messages = [sample(message) for message, _ in catalogue.of(sender=True)]
    assert len(messages) >= 9
    events = [stubs.publisher.Event(payload=packed(message)) for message in messages]
    with grpc.insecure_channel(bridge.grpc) as channel:
        acks = publish_all(stubs, stubs.services.PublisherServiceStub(channel), events)
    for message, ack in zip(messages, acks, strict=True):
        assert ack.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0], message.DESCRIPTOR.full_name


def test_what_no_handler_takes_is_answered_by_4007(bridge, catalogue):
    asked = [(message, event) for message, event in catalogue.of(sender=True) if event.route == ROUTE_HANDLER]
    with Subscriber(bridge, session="session_id-1") as subscriber:
        for message, event in asked:
            subscriber.send(event.type, expected(sample(message)), id=event.type)
            while (frame := subscriber.next())["type"] != "error":
                pass
            assert (frame["replyTo"], frame["data"]["code"]) == (event.type, 4007), frame
