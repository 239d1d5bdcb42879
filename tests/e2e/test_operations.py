"""What an operator sees: metrics as Prometheus's own parser reads them, and log lines that follow one event."""

import json
import urllib.error
import urllib.request

import grpc
import pytest
from conftest import eventually, running
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from test_binary import BinarySubscriber, schema  # noqa: F401 (a fixture)
from test_clients import Subscriber, progress, publish_all

SECRET = "sesame-öffne-dich"


def scrape(bridge, accept=None):
    request = urllib.request.Request(f"{bridge.admin}/metrics", headers={"accept": accept} if accept else {})
    with urllib.request.urlopen(request) as response:
        return response.headers["content-type"], response.read().decode()


def post(bridge, path, body, **headers):
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{bridge.admin}{path}", data, {"content-type": "application/json", **headers})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def samples(families):
    return {(sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples}


@pytest.mark.parametrize("accept", [None, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"])
def test_a_scrape_is_what_prometheus_reads(bridge, stubs, accept):
    channel = "project:été 7"
    with Subscriber(bridge, [{"name": channel}]) as subscriber, grpc.insecure_channel(bridge.grpc) as connection:
        subscriber.of(channel)
        publish_all(stubs, stubs.services.PublisherServiceStub(connection), [progress(stubs, n) for n in range(20)], 5)
        for _ in range(20):
            subscriber.of(channel)
        delivered = ("rialto_events_delivered_total", ("type", "process.progress"))

        def read():
            content_type, text = scrape(bridge, accept)
            assert content_type.startswith("application/openmetrics-text" if accept else "text/plain; version=0.0.4")
            families = list((open_metrics if accept else prometheus)(text))
            return families if samples(families).get(delivered) == 20 else None

        families = eventually(read, "20 deliveries in a scrape")
    values = samples(families)
    assert values["rialto_events_published_total", ("type", "process.progress")] == 20
    assert values["rialto_acks_total", ("code", "OK")] == 20
    assert values["rialto_events_appended_total",] == 20
    assert values["rialto_connections",] == 1
    assert values["process_resident_memory_bytes",] > 1 << 20
    by_name = {family.name: family for family in families}
    assert by_name["rialto_delivery_latency_seconds"].type == "histogram"
    assert by_name["rialto_acks"].type == "counter"
    assert by_name["rialto_connections"].type == "gauge"
    assert all(family.documentation and family.type != "unknown" for family in families)
    assert len(values) < 500


def test_one_event_is_followed_by_its_trace_from_the_publisher_to_the_socket(tmp_path, stubs):
    traces = {"grpc": "0af7651916cd43dd8448eb211c80319c", "http": "4bf92f3577b34da6a3ce929d0e0e4736"}
    parent = {front: f"00-{trace}-b7ad6b7169203331-01" for front, trace in traces.items()}
    with running(["serve", "--log-format", "json", "--log-level", "debug"], tmp_path) as bridge:
        with Subscriber(bridge, [{"name": "project:t"}], session="s-7") as subscriber:
            subscriber.of("project:t")
            with grpc.insecure_channel(bridge.grpc) as connection:
                stub = stubs.services.PublisherServiceStub(connection)
                message = stubs.project.ProcessProgress(project_id="t", process_id="p", message=SECRET)
                event = progress(stubs, 1)
                event.payload.Pack(message)
                request = stubs.publisher.PublishRequest(event=event)
                stub.Publish(request, metadata=[("traceparent", parent["grpc"])])
            data = {"projectId": "t", "processId": "p", "message": SECRET}
            post(bridge, "/v1/publish", {"type": "process.progress", "data": data}, traceparent=parent["http"])
            # Refused, with the secret in every place that a message could quote.
            wrong = {"type": "process.progress", "data": {"projectId": "t", SECRET: SECRET}, "idempotencyKey": SECRET}
            with pytest.raises(urllib.error.HTTPError):
                post(bridge, "/v1/publish", wrong, traceparent=parent["http"])
            frames = [subscriber.of("project:t") for _ in traces]
            connection_id = subscriber.ack["data"]["connectionId"]
            assert [frame["metadata"]["traceparent"] for frame in frames] == list(parent.values())
            subscriber.send("channel.subscribe", {"channels": [{"name": SECRET}]})
            subscriber.send("connection.init", {"token": SECRET})

            def delivered():
                lines = [json.loads(line) for line in bridge.said().splitlines()]
                told = [line for line in lines if line["message"] == "delivered" and line["event_type"][:8] != "presence"]
                return lines if len(told) >= 2 and any(line["message"] == "told of an error" for line in lines) else None

            lines = eventually(delivered, "both deliveries in the log")
        said = bridge.said()
    for frame, trace in zip(frames, traces.values()):
        published, out = (
            next(line for line in lines if line["message"] == message and line.get("trace_id") == trace)
            for message in ("published", "delivered")
        )
        for line in (published, out):
            assert line["event_id"] == frame["id"]
            assert line["channel"] == "project:t"
            assert line["event_type"] == "process.progress"
            assert line["sequence"] == frame["sequence"]
            assert line["traceparent"] == frame["metadata"]["traceparent"]
            assert line["level"] == "DEBUG"
        assert published["peer"].startswith("127.0.0.1:") and isinstance(published["call"], int)
        assert out["connection"] == connection_id and out["session"] == "s-7"
    refused = next(line for line in lines if line["message"] == "refused")
    assert (refused["code"], refused["trace_id"]) == ("INVALID_ARGUMENT", traces["http"])
    assert SECRET not in said and json.dumps(SECRET)[1:-1] not in said


def test_a_call_its_events_and_their_deliveries_are_told_apart(tmp_path, stubs, schema):  # noqa: F811
    of_call, of_event = (f"00-{digit * 32}-b7ad6b7169203331-01" for digit in "ab")
    with running(["serve", "--log-format", "json", "--log-level", "debug"], tmp_path) as bridge:
        with (
            Subscriber(bridge, [{"name": "project:été 7"}], session="s-json") as json_reader,
            BinarySubscriber(bridge, schema, [{"name": "project:été 7"}], session="s-binary") as binary_reader,
            grpc.insecure_channel(bridge.grpc) as connection,
        ):
            json_reader.of("project:été 7"), binary_reader.of("project:été 7")
            stub = stubs.services.PublisherServiceStub(connection)
            events = [progress(stubs, 1), progress(stubs, 2, metadata={"traceparent": of_event}), progress(stubs, 3)]
            request = stubs.publisher.PublishStreamRequest(events=events)
            assert len(list(stub.PublishStream(iter([request]), metadata=[("traceparent", of_call)]))) == 1
            stub.Publish(stubs.publisher.PublishRequest(event=progress(stubs, 4)))
            for _ in range(4):
                json_reader.of("project:été 7"), binary_reader.of("project:été 7")

            def lines(message):
                found = [json.loads(line) for line in bridge.said().splitlines()]
                return [line for line in found if line["message"] == message and line.get("channel") == "project:été 7"]

            delivered = eventually(lambda: len(lines("delivered")) >= 8 and lines("delivered"), "all deliveries")
            published = lines("published")
    traces = {1: "a" * 32, 2: "b" * 32, 3: "a" * 32, 4: None}
    assert [(line["sequence"], line.get("trace_id")) for line in published] == list(traces.items())
    calls = [line["call"] for line in published]
    assert calls[0] == calls[1] == calls[2] != calls[3]
    ids = {line["sequence"]: line["event_id"] for line in published}
    for session in ["s-json", "s-binary"]:
        of_session = [line for line in delivered if line["session"] == session]
        assert [(line["sequence"], line.get("trace_id")) for line in of_session] == list(traces.items())
        assert {line["sequence"]: line["event_id"] for line in of_session} == ids


def test_a_limit_that_is_hit_again_and_again_is_told_once_in_a_while(tmp_path):
    with running(["serve", "--log-format", "json", "--max-event-bytes", "100"], tmp_path) as bridge:
        large = {"type": "process.progress", "data": {"projectId": "1", "processId": "1", "message": "x" * 200}}
        for _ in range(3):
            answers = post(bridge, "/v1/publish", [large] * 100)
            assert all("error" in answer for answer in answers)
        values = samples(prometheus(scrape(bridge)[1]))
        assert values["rialto_limit_hits_total", ("limit", "max-event-bytes")] == 300
        lines = [json.loads(line) for line in bridge.said().splitlines()]
    told = [line for line in lines if line["message"] == "limit reached"]
    assert 1 <= len(told) <= 3, told
    assert told[0]["limit"] == "max-event-bytes" and told[0]["peer"].startswith("127.0.0.1:"), told


def test_the_demos_page_may_list_channels_and_pages_elsewhere_may_not(demo):
    path = "/rialto.v1.AdminService/ListChannels"

    def ask(origin):
        headers = {"content-type": "application/json", "origin": origin}
        request = urllib.request.Request(f"{demo.http}{path}", b'{"prefix":"project:"}', headers)
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    listed = eventually(lambda: ask(demo.http)["channels"], "the demo's channels")
    assert all(channel["name"].startswith("project:") for channel in listed)
    assert eventually(lambda: ask(demo.http)["channels"][0]["eventsPerSecond"] > 0, "something going on")
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask("http://evil.example")
    assert refused.value.code == 403


def test_a_name_that_leads_to_the_demo_shows_nothing_of_it(demo):
    """DNS rebinding: a page of another site, served from this port under that site's name."""
    for path in ["/", "/demo/node.json", "/demo/schema.json"]:
        urllib.request.urlopen(f"{demo.http}{path}").close()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"{demo.http}{path}", headers={"host": "evil.example"}))
        assert refused.value.code == 421, path


MASKED = """syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{order_id}" }; string order_id = 1; }
message Placed {
  option (rialto.v1.event) = { type: "order.placed" channels: ["OrderChannel"] };
  string order_id = 1;
  string iban = 2 [(rialto.v1.field).masked_in_logs = true];
  repeated Contact buyers = 3;
}
message Contact { string name = 1; string email = 2 [(rialto.v1.field).visible_to = "staff"]; }
"""


@pytest.mark.parametrize("asked", [True, False])
def test_payloads_are_in_the_log_only_when_asked_for_and_then_masked(tmp_path, asked):
    (tmp_path / "proto").mkdir()
    (tmp_path / "proto" / "shop.proto").write_text(MASKED)
    more = ["--log-payloads"] if asked else []
    command = ["serve", "--schema", str(tmp_path / "proto"), "--log-format", "json", "--log-level", "trace", *more]
    with running(command, tmp_path) as bridge:
        buyers = [{"name": "Ann", "email": "ann@secret.example"}]
        for order in ("1", "last"):
            event = {"type": "order.placed", "data": {"orderId": order, "iban": "DE-secret", "buyers": buyers}}
            assert post(bridge, "/v1/publish", [event])
        said = eventually(lambda: bridge.said() if "order:last" in bridge.said() else None, "the last event in the log")
    assert "secret" not in said
    shown = [json.loads(line) for line in said.splitlines() if '"payload"' in line]
    data = [json.loads(line["data"]) for line in shown]
    buyer = {"name": "Ann", "email": "***"}
    expected = [{"orderId": order, "buyers": [buyer], "iban": "***"} for order in ("1", "last")]
    assert data == (expected if asked else [])
    assert asked or "Ann" not in said
