"""Tools that know nothing of Rialto publish a user's events: they ask the bridge what these are."""

import contextlib
import json
import os
import queue
import subprocess

import grpc
import pytest
from conftest import PATIENCE, TARGET, running
from google.protobuf import any_pb2, descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from test_clients import Subscriber
from test_reload import FIRST, SECOND, shop  # noqa: F401  (a fixture)

GRPCURL = TARGET / "tools" / "bin" / "grpcurl"


class Grpcurl:
    """`grpcurl` against the bridge's gRPC port, with nothing but its address."""

    def __init__(self, bridge):
        if not GRPCURL.exists():
            message = "NOT RUN: grpcurl is not installed; tests/e2e/tools.sh gets it from the Go module proxy"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
        self.address = bridge.grpc

    def __call__(self, *arguments, stdin=""):
        before = [argument for argument in arguments if argument.startswith("-")]
        after = [argument for argument in arguments if not argument.startswith("-")]
        command = [GRPCURL, "-plaintext", *before, *(["-d", "@"] if stdin else []), self.address, *after]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE)

    def publish(self, event, **more):
        request = json.dumps({"event": event, **more})
        return self("rialto.v1.PublisherService/Publish", stdin=request)


def placed(note):
    return {"payload": {"@type": "type.googleapis.com/shop.v1.Placed", "orderId": "é", "note": note}}


def reload(shop, schema):  # noqa: F811
    shop.path.write_text(schema)
    status, answer = shop.call("ReloadSchema", {})
    assert status == 200, answer


def test_grpcurl_lists_describes_and_publishes_and_follows_a_reload(shop):  # noqa: F811
    grpcurl = Grpcurl(shop.bridge)
    services = grpcurl("list").stdout.split()
    assert services == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "rialto.v1.PublisherService",
    ]
    for service in services:
        described = grpcurl("describe", service)
        assert described.returncode == 0, described.stderr
    described = grpcurl("describe", "shop.v1.Placed")
    assert 'type: "order.placed"' in described.stdout, described.stdout + described.stderr
    with Subscriber(shop.bridge, [{"name": "order:é"}]) as subscriber:
        assert subscriber.of("order:é")["type"] == "channel.subscribed"
        published = grpcurl.publish(placed("by hand"))
        assert published.returncode == 0, published.stderr
        assert json.loads(published.stdout)["accepted"]["positions"][0]["channel"] == "order:é"
        assert subscriber.of("order:é")["data"] == {"orderId": "é", "note": "by hand"}

        new = {"payload": {"@type": "type.googleapis.com/shop.v1.Shipped", "orderId": "é", "note": "new"}}
        refused = grpcurl.publish(new)
        assert refused.returncode != 0 and "shop.v1.Shipped" in refused.stderr, refused.stderr
        reload(shop, SECOND)
        published = grpcurl.publish(new)
        assert published.returncode == 0, published.stderr
        assert subscriber.of("order:é")["type"] == "order.shipped"


def test_grpcurl_shows_why_an_event_is_refused(shop):  # noqa: F811
    grpcurl = Grpcurl(shop.bridge)
    refused = grpcurl.publish({"payload": {"@type": "type.googleapis.com/shop.v1.Placed", "note": "nowhere"}})
    # The error's details are messages too, and it can read them.
    assert "google.rpc.BadRequest" in refused.stderr and '"field": "orderId"' in refused.stderr, refused.stderr


def test_python_publishes_messages_that_it_builds_from_reflection_alone(shop):  # noqa: F811
    with grpc.insecure_channel(shop.bridge.grpc) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "rialto.v1.PublisherService" in database.get_services()
        pool = descriptor_pool.DescriptorPool(database)
        build = lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))  # noqa: E731
        method = pool.FindServiceByName("rialto.v1.PublisherService").FindMethodByName("Publish")
        call = channel.unary_unary(
            "/rialto.v1.PublisherService/Publish",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        with Subscriber(shop.bridge, [{"name": "order:é"}]) as subscriber:
            assert subscriber.of("order:é")["type"] == "channel.subscribed"
            payload = any_pb2.Any()
            payload.Pack(build("shop.v1.Placed")(order_id="é", note="built"))
            request = message_factory.GetMessageClass(method.input_type)()
            request.event.payload.type_url, request.event.payload.value = payload.type_url, payload.value
            accepted = call(request, timeout=PATIENCE).accepted
            assert json_format.MessageToDict(accepted)["positions"][0]["sequence"] in (1, "1")
            assert subscriber.of("order:é")["data"]["note"] == "built"
        # Our options are extensions, and their numbers and files can be asked for.
        options = pool.FindExtensionByNumber(pool.FindMessageTypeByName("google.protobuf.MessageOptions"), 51820)
        assert options.full_name == "rialto.v1.event"


def test_reflection_does_not_hold_up_the_end_of_the_bridge(tmp_path):
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "shop.proto").write_text(FIRST)
    command = ["serve", "--schema", tmp_path / "schema", "--drain-timeout", "1h"]
    questions = queue.Queue()
    questions.put(reflection_pb2.ServerReflectionRequest(list_services=""))
    with contextlib.ExitStack() as after:
        with running(command, tmp_path) as bridge:
            channel = after.enter_context(grpc.insecure_channel(bridge.grpc))
            # There could always be another question, until after the bridge has ended.
            answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(questions.get, None))
            after.callback(questions.put, None)
            assert len(next(answers).list_services_response.service) == 4
        assert list(answers) == []
