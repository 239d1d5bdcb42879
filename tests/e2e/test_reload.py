"""Another schema under a running bridge: by SIGHUP, and by a call of the admin service."""

import json
import signal
import urllib.error
import urllib.request

import grpc
import pytest
from conftest import PATIENCE, eventually, running
from test_clients import Subscriber

HEAD = 'syntax = "proto3";\npackage shop.v1;\nimport "rialto/v1/options.proto";\n'
CHANNEL = """message OrderChannel {
  option (rialto.v1.channel) = { template: "order:{order_id}" };
  string order_id = 1;
}
"""


def event(message, name):
    return f"""message {message} {{
  option (rialto.v1.event) = {{ type: "{name}", channels: ["OrderChannel"] }};
  string order_id = 1;
  string note = 2;
}}
"""


FIRST = HEAD + CHANNEL + event("Placed", "order.placed")
SECOND = FIRST + event("Shipped", "order.shipped")


class Shop:
    """A bridge whose schema is a file that can be written anew."""

    def __init__(self, bridge, path):
        self.bridge, self.path = bridge, path

    def hang_up(self):
        self.bridge.process.send_signal(signal.SIGHUP)

    def call(self, method, request):
        url = f"{self.bridge.admin}/rialto.v1.AdminService/{method}"
        headers = {"content-type": "application/json"}
        asked = urllib.request.Request(url, json.dumps(request).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def publish(self, stubs, name, note):
        with grpc.insecure_channel(self.bridge.grpc) as channel:
            data = json.dumps({"orderId": "é", "note": note})
            payload = stubs.publisher.JsonPayload(type=name, data=data)
            request = stubs.publisher.PublishRequest(event=stubs.publisher.Event(json=payload))
            stubs.services.PublisherServiceStub(channel).Publish(request, timeout=PATIENCE)


@pytest.fixture
def shop(tmp_path):
    schema = tmp_path / "schema"
    schema.mkdir()
    path = schema / "shop.proto"
    path.write_text(FIRST)
    with running(["serve", "--schema", schema], tmp_path, environment={"RIALTO_LOG_FORMAT": "json"}) as bridge:
        yield Shop(bridge, path)


def test_sighup_serves_the_new_schema_and_nobody_is_cut(shop, stubs):
    with Subscriber(shop.bridge, [{"name": "order:é", "types": ["order.*"]}]) as subscriber:
        assert subscriber.of("order:é")["type"] == "channel.subscribed"
        shop.path.write_text(SECOND)
        shop.hang_up()
        eventually(lambda: "the schema was reloaded" in shop.bridge.said(), "the reload in the log")
        shop.publish(stubs, "order.shipped", "new")
        assert subscriber.of("order:é")["data"] == {"orderId": "é", "note": "new"}
    with Subscriber(shop.bridge) as later:
        assert later.ack["data"]["fingerprint"] != subscriber.ack["data"]["fingerprint"]


def test_a_broken_schema_is_refused_with_its_place_and_the_old_one_stays(shop, stubs):
    shop.path.write_text(FIRST + event("Again", "order.placed"))
    shop.hang_up()
    eventually(lambda: "order.placed\\\" is declared twice" in shop.bridge.said(), "the mistake in the log")
    assert f"{shop.path}:14:" in shop.bridge.said()
    status, answer = shop.call("ReloadSchema", {"allowBreaking": True})
    mistake = answer["details"][1]["mistakes"][0]
    assert (status, mistake["file"], mistake["line"]) == (400, str(shop.path), 14)
    assert mistake["message"] and mistake["advice"]
    shop.publish(stubs, "order.placed", "as before")
    assert shop.call("GetNode", {})[1]["revision"] == 1


def test_what_would_break_is_refused_by_sighup_and_said(shop):
    shop.path.write_text(HEAD + CHANNEL)
    shop.hang_up()
    eventually(lambda: "[event-removed]" in shop.bridge.said(), "the breaking change in the log")
    assert shop.call("GetNode", {})[1]["revision"] == 1
    status, answer = shop.call("ReloadSchema", {"allowBreaking": True, "dryRun": True})
    assert (status, answer["changed"], answer["revision"]) == (200, True, 1)
    assert "event-removed" in [change["rule"] for change in answer["breaking"]]


def test_sighup_may_break_where_the_flag_says_so(tmp_path):
    schema = tmp_path / "shop.proto"
    (tmp_path / "schema").mkdir()
    schema = tmp_path / "schema" / "shop.proto"
    schema.write_text(FIRST)
    with running(["serve", "--schema", schema.parent, "--allow-breaking"], tmp_path) as bridge:
        with Subscriber(bridge, [{"name": "order:é", "types": ["order.placed"]}]) as subscriber:
            assert subscriber.of("order:é")["type"] == "channel.subscribed"
            schema.write_text(HEAD + CHANNEL)
            bridge.process.send_signal(signal.SIGHUP)
            ended = subscriber.of("order:é")
            assert (ended["type"], ended["data"]["reason"]) == ("channel.unsubscribed", "schema_changed")
