"""What a log, a trace, a metric, an operator's answer and an error tell of fields that are hidden or masked: nothing.

One bridge that writes down all that it can, and whatever can be said to it with secrets in it: events that are good, events that
are wrong in every way that has words for it, frames of clients, calls of operators, a reload, an end.
"""

import json
import urllib.error
import urllib.request

import grpc
import pytest
from conftest import PATIENCE, eventually, running
from google.protobuf import any_pb2
from test_identity import SECRET, entered, mint, next_of, subscribed
from test_operations import post, scrape

MARK = "S3cr3t"
"""In every value that is hidden or masked."""

SCHEMA = """syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{order_id}" history: 100 }; string order_id = 1; }
enum Kind { KIND_UNSPECIFIED = 0; KIND_GIFT = 1; }
message Placed {
  option (rialto.v1.event) = { type: "order.placed" channels: ["OrderChannel"] };
  option (buf.validate.message).cel = { id: "pair" message: "must differ" expression: "this.iban == '' || this.iban != this.email" };
  string order_id = 1;
  string iban = 2 [(rialto.v1.field).masked_in_logs = true, (buf.validate.field).string = { max_len: 40 }];
  string email = 3 [(rialto.v1.field).visible_to = "staff", (buf.validate.field).string = { pattern: "^[^!]*$", not_in: ["taken"] }];
  repeated Contact buyers = 4 [(rialto.v1.field).visible_to = "staff"];
  map<string, string> notes = 5 [(rialto.v1.field) = { visible_to: "staff" masked_in_logs: true },
    (buf.validate.field).map.keys.string.pattern = "^[^!]*$"];
  oneof how { string card = 6 [(rialto.v1.field).masked_in_logs = true]; string cash = 7; }
  google.protobuf.Any any = 8;
  bytes token = 9 [(rialto.v1.field).visible_to = "staff"];
  google.protobuf.Struct free = 10 [(rialto.v1.field).masked_in_logs = true];
  Kind kind = 11 [(rialto.v1.field).visible_to = "staff"];
  google.protobuf.Timestamp at = 12 [(rialto.v1.field).visible_to = "staff"];
  google.protobuf.Duration lasts = 13 [(rialto.v1.field).masked_in_logs = true];
  google.protobuf.FieldMask mask = 14 [(rialto.v1.field).masked_in_logs = true];
  int32 cents = 15 [(rialto.v1.field).visible_to = "staff", (buf.validate.field).int32 = { in: [1, 2] }, (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE];
  string cel = 16 [(rialto.v1.field).visible_to = "staff",
    (buf.validate.field).cel = { id: "odd" message: "is odd" expression: "this == '' || this.size() % 2 == 0 || int(this) > 0" }];
}
message Contact { string name = 1 [(rialto.v1.field).masked_in_logs = true]; string mail = 2 [(rialto.v1.field).visible_to = "staff"]; }
"""

GOOD = {
    "orderId": "1",
    "iban": f"DE-{MARK}",
    "email": f"ann@{MARK}.example",
    "buyers": [{"name": f"Ann {MARK}", "mail": f"{MARK}@example"}],
    "notes": {f"key-{MARK}": f"value-{MARK}"},
    "card": f"4111-{MARK}",
    "any": {"@type": "t/shop.v1.Contact", "name": f"held {MARK}", "mail": MARK},
    "token": "UzNjcjN0",  # S3cr3t in base64, which only bytes may be
    "free": {f"member {MARK}": [f"deep {MARK}"]},
    "kind": "KIND_GIFT",
    "cents": 2,
    "cel": f"{MARK}",
}

# What is wrong: the members that replace the good ones.
WRONG = {
    "too long": {"iban": MARK * 20},
    "against a pattern": {"email": f"{MARK}!"},
    "one of those that are taken": {"email": "taken"},
    "a key against a pattern": {"notes": {f"{MARK}!": "x"}},
    "against the message's rule": {"iban": MARK, "email": MARK},
    "a rule that gives false": {"cel": MARK + "x"},
    "text for a number": {"cents": MARK},
    "a number that is none of those": {"cents": 3},
    "an object for text": {"email": {MARK: MARK}},
    "a list for text": {"iban": [MARK]},
    "an enum's unknown name": {"kind": MARK},
    "no base64": {"token": f"{MARK}!"},
    "no timestamp": {"at": MARK},
    "no duration": {"lasts": MARK},
    "no mask": {"mask": f"{MARK}_é,_"},
    "an unknown type": {"any": {"@type": "t/shop.v1.None", "name": MARK}},
    "a type URL without a slash": {"any": {"@type": MARK}},
    "a second member of a oneof": {"cash": MARK},
    "null in a list": {"buyers": [{"name": MARK}, None]},
    "a lone surrogate": {"iban": f"{MARK}\\ud800"},
}


def call(url, body, **headers):
    request = urllib.request.Request(url, body, {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def refused(bridge, text):
    """The answer to one event whose data is this text."""
    return call(f"{bridge.admin}/v1/publish", b'[{"type":"order.placed","data":%s}]' % text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_in_anything_that_is_said_about_an_event(tmp_path, stubs, form):
    (tmp_path / "proto").mkdir()
    schema = tmp_path / "proto" / "shop.proto"
    schema.write_text(SCHEMA)
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    command = ["serve", "--schema", str(tmp_path / "proto"), "--jwt-secret-file", str(secret), "--log-format", form]
    said = []
    with running([*command, "--log-level", "trace", "--log-payloads", "--max-channel-bytes", "64KiB"], tmp_path) as bridge:
        bridge.secret = secret
        with entered(bridge, token=mint(bridge, "bob")) as (few, _), entered(bridge, token=mint(bridge, "ann", "--permission", "*")) as (all_, _):
            for socket in (few, all_):
                assert subscribed(socket, "order:1") == 0
            (answer,) = post(bridge, "/v1/publish", [{"type": "order.placed", "data": GOOD}])
            assert "accepted" in answer, answer
            assert MARK in json.dumps(next_of(all_, "order.placed")), "the control: who may see it does"
            hidden = next_of(few, "order.placed")["data"]
            assert hidden["iban"] == GOOD["iban"] and not {"email", "buyers", "notes", "token", "kind", "cents", "cel"} & hidden.keys()

            # What is wrong, as JSON: the publisher is told what and where, and none of its values come back.
            for what, members in WRONG.items():
                text = json.dumps({**GOOD, **members}).replace("\\\\ud800", "\\ud800")
                answer = refused(bridge, text)
                assert '"error"' in answer, f"{what}: {answer}"
                said.append(f"{what}: {answer}")
            for what, text in {"cut": json.dumps(GOOD)[:-9], "twice": json.dumps(GOOD)[:-1] + f',"iban":"{MARK}"}}', "no JSON": MARK}.items():
                said.append(f"{what}: {refused(bridge, text)}")
            # And as bytes.
            with grpc.insecure_channel(bridge.grpc) as channel:
                publisher = stubs.services.PublisherServiceStub(channel)
                mark = MARK.encode()
                for what, value in {
                    "cut short": b"\x0a\x011\x12\x7f" + mark,
                    "no UTF-8": b"\x0a\x011\x12\x08" + mark + b"\xff\xfe",
                    "too long": b"\x0a\x011\x12\x78" + mark * 20,
                    "no such Any": b"\x0a\x011\x42\x0a\x0a\x08t/" + mark,
                    "no tag": b"\x0a\x011\x00" + mark,
                    "no channel": b"\x12\x06" + mark,
                }.items():
                    event = stubs.publisher.Event(payload=any_pb2.Any(type_url="t/shop.v1.Placed", value=value))
                    (answer,) = publisher.PublishStream(iter([stubs.publisher.PublishStreamRequest(events=[event])]))
                    assert answer.acks[0].HasField("error"), what
                    said.append(f"{what}: {answer}")

            # Clients say it too, in frames that are wrong.
            for frame in [
                {"type": "order.placed", "id": "c1", "data": GOOD},
                {"type": "order.placed", "id": "c2", "data": {"cents": MARK}},
                {"type": "channel.subscribe", "id": "c3", "data": {"channels": [{"name": "order:1", "filter": MARK}]}},
                {"type": "channel.subscribe", "id": "c4", "data": {"channels": [{"name": "order:1", "after": {"epoch": MARK, "sequence": 9}}]}},
            ]:
                few.send(json.dumps(frame))
                said.append(json.dumps(next_of(few, "channel.subscribed" if frame["id"] == "c4" else "error")))

            # A reload that hides more, the operator's views, and every number.
            schema.write_text(SCHEMA.replace("string iban = 2 [(rialto.v1.field).masked_in_logs = true", 'string iban = 2 [(rialto.v1.field).visible_to = "money"'))
            said.append(call(f"{bridge.admin}/rialto.v1.AdminService/ReloadSchema", b'{"allowBreaking":true}'))
            for name in ("ListChannels", "GetNode", "Disconnect", "Nothing"):
                said.append(call(f"{bridge.admin}/rialto.v1.AdminService/{name}", b"{}"))
            said += [call(f"{bridge.admin}/{path}", None) for path in ("health", "ready", "metrics")]
            said.append(scrape(bridge)[1])
            few.send(json.dumps({"type": "channel.subscribe", "data": {"channels": [{"name": "order:1", "after": None}]}}))
            post(bridge, "/v1/publish", [{"type": "order.placed", "data": {**GOOD, "orderId": "last"}}])
            eventually(lambda: "order:last" in bridge.said(), "the last event in the log")
            fell = [{"type": "order.placed", "data": {**GOOD, "card": f"{MARK}{n}" * 700}} for n in range(40)]
            assert all("accepted" in answer for answer in post(bridge, "/v1/publish", fell))
        log = bridge.said()
    log += (tmp_path / "bridge.log").read_text()
    assert "***" in log and '"orderId' in log.replace("\\", ""), "the control: payloads are in the log"
    assert "published" in log and "refused" in log and "delivered" in log, "the control: every level is"
    for text in [*said, *log.splitlines()]:
        assert MARK not in text and "UzNjcjN0" not in text, text
