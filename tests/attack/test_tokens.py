"""Rows of authentication and authorisation that `make test` runs."""

import base64
import hashlib
import hmac
import json
import time

import ledger
from conftest import SECRET, control, guarded, metrics, post, publish
from peer import TEXT, Peer, ask, frame, request


def test_au_04_a_refresh_narrows_at_once_and_never_changes_who_somebody_is(tmp_path):
    with guarded(tmp_path) as bridge:
        both, one = bridge.mint("ann", "project:a:read", "project:b:read"), bridge.mint("ann", "project:a:read")
        other = bridge.mint("bob", "**")
        with control(bridge, token=bridge.mint("control", "**")), Peer(bridge.websocket, token=both) as peer:
            assert [answer["type"] for answer in peer.subscribe("project:a", "project:b")] == ["channel.subscribed"] * 2
            peer.say("connection.refresh", "other", token=other)
            assert peer.error("other") == 4001
            peer.say("connection.refresh", "bad", token=both[:-6] + "AAAAAA")
            assert peer.error("bad") == 4001
            peer.say("connection.refresh", "past", token=past(bridge))
            assert peer.error("past") == 4002
            peer.say("connection.refresh", "less", token=one)
            heard = []
            while not heard or heard[-1].get("replyTo") != "less":
                heard.append(peer.hear())
            assert [(frame["type"], frame["data"].get("reason")) for frame in heard] == [
                ("channel.unsubscribed", "permission_lost"), ("connection.refreshed", None),
            ]
            for project in "ba":
                assert publish(bridge, "process.progress", {"projectId": project, "processId": "p"})[0] == 200
            assert peer.until("process.progress")["channel"] == "project:a", "nothing of the lost channel came"
            assert peer.subscribe("project:b")[0]["data"]["code"] == 4003
            peer.say("connection.refresh", "more", token=both)
            assert peer.answer("more")["type"] == "connection.refreshed"
            assert peer.subscribe("project:b")[0]["type"] == "channel.subscribed", "the negative control"


def past(bridge):
    """A token that was good an hour ago."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    now = int(time.time())
    signed = part({"alg": "HS256"}) + b"." + part({"sub": "ann", "iat": now - 7_200, "exp": now - 3_600})
    signature = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_au_06_a_token_in_the_url_is_taken_where_that_is_allowed_and_told_to_nobody(tmp_path):
    with guarded(tmp_path, "--token-in-query", "--log-level", "trace") as bridge:
        good, bad = bridge.mint("ann", "project:a:read"), bridge.mint("ann", "project:a:read")[:-8] + "AAAAAAAA"
        with control(bridge, token=bridge.mint("control", "**")):
            with Peer(bridge.websocket, path=f"/ws?token={good}", protocol=None) as peer:
                assert peer.ack["userId"] == "ann"
                answers = json.dumps([peer.ack, peer.subscribe("project:b")])
            status, refused = ask(bridge.http, request(path=f"/ws?token={bad}"))
            assert status == 401
            twice = ask(bridge.http, request(path=f"/ws?token={good}&token={bad}"))
            assert twice[0] == 401
            with Peer(bridge.websocket, protocol="rialto.v1.json", init=False) as peer:
                peer.send(frame(TEXT, json.dumps({"type": "connection.init", "data": {"token": bad}}).encode()))
                opcode, closed = peer.receive()
            scraped = "\n".join(metrics(bridge))
        said = {"the log": bridge.said(), "the metrics": scraped, "an answer": answers, "a 401": refused + twice[1],
                "a close": closed.decode(errors="replace")}
        assert opcode == 8 and all(said.values())
        assert ledger.check_secrets(said, [good, bad]) == []
        leaky = {"a log that says it": f"refused {bad}"}
        assert ledger.check_secrets(leaky, [bad]), "the negative control"
    with guarded(tmp_path) as closed:
        status, answer = ask(closed.http, request(path=f"/ws?token={closed.mint('ann')}"))
        assert status == 401 and "--token-in-query" not in answer.split("\r\n")[0], "not allowed: not taken"


def test_au_11_who_says_nothing_goes_in_time_and_holds_nothing_meanwhile(tmp_path):
    with guarded(tmp_path, "--init-timeout", "1s") as bridge, control(bridge, token=bridge.mint("control", "**")):
        before = metrics(bridge)["rialto_subscriptions"]
        silent = [Peer(bridge.websocket, init=False) for _ in range(20)]
        began = time.monotonic()
        assert metrics(bridge)["rialto_subscriptions"] == before
        assert {peer.close_code() for peer in silent} == {4501}
        assert time.monotonic() - began < 10
        for peer in silent:
            peer.stream.close()
    with guarded(tmp_path, "--init-timeout", "1m") as patient, Peer(patient.websocket, init=False) as peer:
        assert not peer.has_ended(1.5), "the negative control"


def test_az_02_what_may_not_be_sent_is_refused_and_the_connection_lives(tmp_path):
    with guarded(tmp_path) as bridge, control(bridge, token=bridge.mint("control", "**")):
        with Peer(bridge.websocket, token=bridge.mint("ann", "project:a:read")) as peer:
            peer.say("said", "1", projectId="a", text="hi")
            assert peer.error("1") == 4003
            peer.say("connection.heartbeat", "2")
            assert peer.answer("2")["type"] == "connection.heartbeat"
        with Peer(bridge.websocket, token=bridge.mint("ann", "project:a:write")) as peer:
            peer.say("said", "1", projectId="a", text="hi")
            assert peer.error("1") == 4007, "the negative control: with the permission only the handler is missing"


ELSEWHERE = ["/metrics", "/v1/publish", "/rialto.v1.AdminService/GetNode", "/console", "/admin", "/debug",
             "/rialto.v1.AdminService/ReloadSchema", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
             "/grpc.health.v1.Health/Check", "/rialto.v1.PublisherService/Publish", "/demo", "/"]


def test_az_06_the_public_port_has_nothing_of_the_other_ports(bridge):
    with control(bridge):
        for path in ELSEWHERE:
            for method in ("GET", "POST"):
                bare = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                status, head = ask(bridge.http, f"{bare}content-length: 2\r\n\r\n{{}}".encode())
                assert status in (404, 405), f"{method} {path}: {head}"
        for path in ("/health", "/ready"):
            assert ask(bridge.http, f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())[0] == 200, path
        assert post(bridge, "/rialto.v1.AdminService/GetNode", b"{}")[0] == 200, "the negative control: there it is"
