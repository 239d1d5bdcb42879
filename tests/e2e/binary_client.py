"""A subscriber of `rialto.v1.proto` made of Google's protobuf runtime and classes of proto/, and messages with every field set."""

import contextlib
import importlib

import pytest
from conftest import PATIENCE, ROOT
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PROTO = "rialto.v1.proto"


class Schema:
    """The types of frames, from the descriptors that Python has loaded."""

    def __init__(self):
        module = importlib.import_module
        self.socket = module("rialto.v1.socket_pb2")
        option = module("rialto.v1.options_pb2").event
        self.types = {}
        for path in sorted((ROOT / "proto").rglob("*.proto")):
            name = str(path.relative_to(ROOT / "proto").with_suffix("")).replace("/", ".") + "_pb2"
            for descriptor in module(name).DESCRIPTOR.message_types_by_name.values():
                if descriptor.GetOptions().HasExtension(option):
                    event = descriptor.GetOptions().Extensions[option]
                    self.types[event.type] = (message_factory.GetMessageClass(descriptor), event)

    def data(self, frame):
        return self.types[frame.type][0].FromString(frame.data)


class BinarySubscriber:
    """One connection of the subprotocol `rialto.v1.proto`."""

    def __init__(self, bridge, schema, channels=(), session=None):
        self.schema = schema
        query = f"?session_id={session}" if session else ""
        self.stack = contextlib.ExitStack()
        socket = connect(f"{bridge.websocket}{query}", subprotocols=[PROTO], max_size=None, max_queue=None)
        self.socket = self.stack.enter_context(socket)
        assert self.socket.subprotocol == PROTO
        self.send("connection.init", schema.socket.ConnectionInit(client_id="python"), id="i")
        ack, data = self.next()
        assert (ack.type, ack.reply_to) == ("connection.ack", "i")
        assert data.limits.max_subscriptions > 0 and data.heartbeat_ms > 0
        if channels:
            self.subscribe(*channels)

    def send(self, kind, data, **envelope):
        self.raw(self.schema.socket.Frame(type=kind, data=data.SerializeToString(), **envelope).SerializeToString())

    def raw(self, message):
        self.socket.send(message)

    def subscribe(self, *channels):
        wanted = [self.schema.socket.Subscription(**channel) for channel in channels]
        self.send("channel.subscribe", self.schema.socket.ChannelSubscribe(channels=wanted), id="s-1")

    def next(self):
        """The next frame and its data."""
        message = self.socket.recv(timeout=PATIENCE)
        assert isinstance(message, bytes), message
        frame = self.schema.socket.Frame.FromString(message)
        if frame.type == "connection.heartbeat" and not frame.reply_to:
            return self.next()
        return frame, self.schema.data(frame)

    def of(self, channel):
        """The next frame that concerns this channel, and its data."""
        while True:
            frame, data = self.next()
            assert frame.type not in ("error", "connection.error"), data
            if channel in (frame.channel, getattr(data, "channel", None)):
                return frame, data

    def answer(self, kind):
        while True:
            frame, data = self.next()
            if frame.type == kind:
                return frame, data

    def closed(self):
        """The code of the close frame; frames before it are passed over."""
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                self.socket.recv(timeout=PATIENCE)
        return closed.value.rcvd.code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


def filled(message, number, depth=0):
    """Every field of the message set, as far as that makes sense."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof and field.containing_oneof.fields[0] is not field:
            continue
        if field.message_type and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            entries, key = getattr(message, field.name), scalar(key, number)
            if not value.message_type:
                entries[key] = scalar(value, number)
            elif not special(entries[key], number):
                filled(entries[key], number, depth + 1)
        elif field.message_type:
            target = getattr(message, field.name)
            target = target.add() if field.is_repeated else target
            if special(target, number) or depth > 4:
                continue
            target.SetInParent()
            filled(target, number, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend([scalar(field, number), scalar(field, number + 1)])
        else:
            setattr(message, field.name, scalar(field, number))
    return message


def special(message, number):
    match message.DESCRIPTOR.full_name:
        case "google.protobuf.Timestamp":
            message.FromMilliseconds(1_795_170_645_123 + number)
        case "google.protobuf.Duration":
            message.FromMilliseconds(1_500 + number)
        case "google.protobuf.Struct":
            message.update({"text": "é", "number": 1.5, "none": None, "list": [True, {"deep": number}]})
        case "google.protobuf.Value":
            message.string_value = "free"
        case "google.protobuf.Any":
            return True
        case _:
            return False
    return True


def scalar(field, number):
    if field.enum_type:
        return field.enum_type.values[-1].number
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return "t1" if field.name == "session_id" else f"{field.name} é"
        case FieldDescriptor.TYPE_BYTES:
            return bytes([0, 255, number % 256])
        case FieldDescriptor.TYPE_BOOL:
            return True
        case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
            return 0.25
        case FieldDescriptor.TYPE_INT64 | FieldDescriptor.TYPE_UINT64:
            return number if field.GetOptions().jstype else 2**60 + number
        case _:
            return number % 100
