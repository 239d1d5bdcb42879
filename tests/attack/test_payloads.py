"""Rows of protobuf and JSON that `make test` runs: what cannot be right is refused at publish, whole."""

import json

import grpc
import http2
from bridges import PATIENCE
from conftest import control, post, publish, serving
from peer import Peer

SCHEMA = {"odd/v1/odd.proto": """syntax = "proto3";
package odd.v1;
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "rialto/v1/options.proto";
message ProjectChannel {
  option (rialto.v1.channel) = { template: "project:{project_id}" };
  string project_id = 1;
}
message ProcessProgress {
  option (rialto.v1.event) = { type: "process.progress", channels: ["ProjectChannel"] };
  string project_id = 1;
  string process_id = 2;
  string message = 3;
}
message Odd {
  option (rialto.v1.event) = { type: "odd", channels: ["ProjectChannel"] };
  string project_id = 1;
  Odd inside = 2;
  google.protobuf.Any any = 3;
  google.protobuf.Struct members = 4;
  int32 count = 5;
  double real = 6;
  oneof choice { string text = 7; int64 number = 8; }
}
"""}
TYPE = b"type.googleapis.com/odd.v1.Odd"


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value):
    encoded = b""
    while value >= 128:
        encoded, value = encoded + bytes([value % 128 + 128]), value // 128
    return encoded + bytes([value])


def wire_publish(bridge, payload):
    """The status of publishing these bytes as an `Odd`."""
    request = field(1, field(1, field(1, TYPE) + field(2, payload)))
    with grpc.insecure_channel(bridge.grpc) as channel:
        try:
            channel.unary_unary(http2.PUBLISH)(request, timeout=PATIENCE)
        except grpc.RpcError as error:
            return error.code().name
    return "OK"


def nested(depth):
    payload = b""
    for _ in range(depth):
        payload = field(2, payload)
    return field(1, b"p") + payload


def any_nested(depth):
    payload = b""
    for _ in range(depth):
        payload = field(3, field(1, TYPE) + field(2, payload))
    return field(1, b"p") + payload


def struct_nested(depth):
    """A Struct, and in its member another one."""
    payload = b""
    for _ in range(depth):
        payload = field(1, field(1, b"a") + field(2, field(5, payload)))
    return field(1, b"p") + field(4, payload)


def test_pj_03_nesting_ends_at_the_limit_and_never_in_the_stack(tmp_path):
    with serving(tmp_path, schema=SCHEMA) as bridge, control(bridge):
        # A hundred messages inside the event; an Any and a Struct's value are levels, too.
        allowed = {"messages": nested(100), "Any": any_nested(50), "Struct": struct_nested(49)}
        refused = {"messages": nested(101), "Any": any_nested(51), "Struct": struct_nested(50)}
        refused |= {"far too many": nested(5_000), "Any, many": any_nested(500), "Struct, many": struct_nested(5_000)}
        for name, payload in allowed.items():
            assert wire_publish(bridge, payload) == "OK", name
        for name, payload in refused.items():
            assert wire_publish(bridge, payload) == "INVALID_ARGUMENT", name
        groups = field(1, b"p") + b"\x9b\x06" * 5_000 + b"\x9c\x06" * 5_000
        assert wire_publish(bridge, groups) == "INVALID_ARGUMENT"
        for depth, status in ((100, 200), (101, 400), (50_000, 400)):
            data = '{"projectId":"p"' + ',"inside":{"count":1' * depth + "}" * depth + "}"
            body = ('{"type":"odd","data":' + data + "}").encode()
            assert publish_raw(bridge, body) == status, depth
        listed = '{"type":"odd","data":{"projectId":"p","members":{"a":' + "[" * 50_000 + "]" * 50_000 + "}}}"
        assert publish_raw(bridge, listed.encode()) == 400
    with serving(tmp_path, "--max-depth", "40", schema=SCHEMA) as shallow:
        assert wire_publish(shallow, nested(100)) == "INVALID_ARGUMENT", "the negative control"
        assert wire_publish(shallow, nested(40)) == "OK"


def publish_raw(bridge, body):
    return post(bridge, "/v1/publish", body)[0]


MISTAKES = {
    "a key twice": b'{"type":"odd","data":{"projectId":"p","count":1,"count":2}}',
    "a key twice, by both its names": b'{"type":"odd","data":{"projectId":"p","project_id":"q"}}',
    "both of a oneof": b'{"type":"odd","data":{"projectId":"p","text":"a","number":"1"}}',
    "an unknown field": b'{"type":"odd","data":{"projectId":"p","other":1}}',
    "bytes behind the end": b'{"type":"odd","data":{"projectId":"p"}}x',
    "a second document": b'{"type":"odd","data":{"projectId":"p"}}{}',
    "half a surrogate pair": b'{"type":"odd","data":{"projectId":"\\ud800"}}',
    "no UTF-8": b'{"type":"odd","data":{"projectId":"\xff"}}',
    "too large a number": b'{"type":"odd","data":{"projectId":"p","real":1e400}}',
    "half of an integer": b'{"type":"odd","data":{"projectId":"p","count":1.5}}',
    "an integer beyond its type": b'{"type":"odd","data":{"projectId":"p","count":2147483648}}',
    "not a number": b'{"type":"odd","data":{"projectId":"p","real":NaN}}',
    "not a number, as a text": b'{"type":"odd","data":{"projectId":"p","real":"NaN"}}',
    "a member twice": b'{"type":"odd","type":"odd","data":{"projectId":"p"}}',
    "an unknown member": b'{"type":"odd","data":{"projectId":"p"},"other":1}',
    "a trailing comma": b'{"type":"odd","data":{"projectId":"p",}}',
    "a control character": b'{"type":"odd","data":{"projectId":"p\x01"}}',
}


def test_pj_05_json_that_is_not_exactly_right_is_refused(tmp_path):
    with serving(tmp_path, schema=SCHEMA) as bridge, control(bridge), Peer(bridge.websocket) as peer:
        peer.subscribe("project:p")
        for name, body in MISTAKES.items():
            assert publish_raw(bridge, body) == 400, name
        assert publish_raw(bridge, b'{"type":"odd","data":{"projectId":"p","count":7}}') == 200, "the negative control"
        heard = peer.until("odd")
        assert heard["sequence"] == 1 and heard["data"]["count"] == 7, "nothing of what was refused came"


def test_pj_06_texts_are_valid_json_and_invalid_texts_are_refused(tmp_path):
    texts = ["\u2028\u2029", "</script><!--", "\0", "\ufeff", '"\\/', "\x7f\x80\u009f", "𐍈\U0010ffff", "\u202e", "\x1b[31m"]
    with serving(tmp_path, schema=SCHEMA) as bridge, control(bridge), Peer(bridge.websocket) as peer:
        peer.subscribe("project:p")
        for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\xe2\x82"):
            assert wire_publish(bridge, field(1, b"p") + field(7, bad)) == "INVALID_ARGUMENT", bad
        for text in texts:
            assert wire_publish(bridge, field(1, b"p") + field(7, text.encode())) == "OK", text
            assert publish(bridge, "odd", {"projectId": "p", "text": text})[0] == 200, text
            for _ in range(2):
                assert peer.until("odd")["data"]["text"] == text
    assert json.loads('"\u2028"') == "\u2028", "what the negative control stands on: it is JSON as it is"
