"""A bridge that asks for tokens: who gets in, to what, and what is said about it. The tokens are the command line's own."""

import base64
import contextlib
import json
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from conftest import PATIENCE, PROGRAM, ROOT, eventually, running
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

SECRET = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"
PAGE = "https://app.example"


@pytest.fixture
def guarded(tmp_path):
    """A bridge that takes tokens in every way, and writes down all that it can."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    ways = ["--token-cookie", "app", "--token-in-query", "--allowed-origin", PAGE, "--log-level", "trace"]
    with running(["serve", "--jwt-secret-file", secret, *ways], tmp_path) as bridge:
        bridge.secret = secret
        yield bridge


def mint(bridge, user, *options):
    command = [PROGRAM, "token", "mint", "--secret-file", bridge.secret, "--sub", user, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.strip()


@contextlib.contextmanager
def entered(bridge, query="", token=None, headers=None, origin=None):
    """A connection and its ack; a token goes into the first frame."""
    url = f"{bridge.websocket}{query}"
    with connect(url, subprotocols=["rialto.v1.json"], additional_headers=headers, origin=origin) as socket:
        socket.send(json.dumps({"type": "connection.init", "data": {"token": token} if token else {}}))
        yield socket, next_of(socket, "connection.ack")["data"]


def next_of(socket, kind):
    while True:
        frame = json.loads(socket.recv(timeout=PATIENCE))
        if frame["type"] == kind:
            return frame


def subscribed(socket, channel):
    """0, or the code of the error."""
    socket.send(json.dumps({"type": "channel.subscribe", "id": channel, "data": {"channels": [{"name": channel}]}}))
    while True:
        frame = json.loads(socket.recv(timeout=PATIENCE))
        if frame.get("replyTo") == channel:
            return frame["data"].get("code", 0)


def publish(bridge, event):
    body = json.dumps(event).encode()
    request = urllib.request.Request(f"{bridge.admin}/v1/publish", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def test_two_users_come_in_by_every_way_and_see_what_is_theirs(guarded):
    ann, bob = mint(guarded, "ann", "--permission", "team:red:read"), mint(guarded, "bob", "--permission", "*")
    ways = [
        {"headers": {"authorization": f"Bearer {ann}"}},
        {"headers": {"cookie": f"app={ann}"}, "origin": PAGE},
        {"query": f"?token={ann}"},
        {"token": ann},
    ]
    for way in ways:
        with entered(guarded, **way) as (socket, ack):
            assert (ack["userId"], ack["permissions"]) == ("ann", ["team:red:read"]), way
            codes = [subscribed(socket, channel) for channel in ("team:red", "team:blue", "user:bob", "nothing:1")]
            assert codes == [0, 4003, 4003, 4006]
    with entered(guarded, token=ann) as (anns, ack), entered(guarded, token=bob) as (bobs, _):
        session = ack["sessionId"].replace(":", "%3A")
        assert [subscribed(bobs, channel) for channel in ("user:ann", f"session:{session}")] == [4003, 4003]
        # Who names another's session gets one of its own.
        with entered(guarded, query=f"?session_id={ack['sessionId']}", token=bob) as (_, other):
            assert other["sessionId"] == f"bob:{ack['sessionId']}"
        assert subscribed(anns, "team:red") == 0 and subscribed(bobs, "team:red") == 0
        move = {"teamId": "red", "userId": "u1", "status": "PRESENCE_STATUS_IDLE"}
        for channel, text in [("user:ann", "for ann"), ("user:bob", "for bob")]:
            publish(guarded, {"type": "message.received", "data": {"messageId": text}, "channels": [channel]})
        publish(guarded, {"type": "team.presence.update", "data": move})
        for socket, text in [(anns, "for ann"), (bobs, "for bob")]:
            seen = {}
            while len(seen) < 2:
                frame = json.loads(socket.recv(timeout=PATIENCE))
                if frame["type"] in ("team.presence.update", "message.received"):
                    assert frame["type"] not in seen
                    seen[frame["type"]] = frame["data"].get("messageId")
            assert seen["message.received"] == text


def test_who_is_refused_is_told_why_and_no_token_is_repeated(guarded, tmp_path):
    good = mint(guarded, "ann")
    (tmp_path / "other").write_text(SECRET[::-1])
    forged = subprocess.run(
        [PROGRAM, "token", "mint", "--secret-file", tmp_path / "other", "--sub", "ann"],
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    ).stdout.strip()
    said = []
    for headers, query, origin, status, reason in [
        ({}, "", None, 401, "no_credentials"),
        ({"authorization": f"Bearer {forged}"}, "", None, 401, "invalid_token"),
        ({}, f"?token={forged}", None, 401, "invalid_token"),
        ({"cookie": f"app={good}"}, "", None, 401, "invalid_token"),
        ({"cookie": f"app={good}"}, "", "https://evil.example", 403, None),
        ({"cookie": f"app={good}"}, "", "null", 403, None),
    ]:
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{guarded.websocket}{query}", additional_headers=headers, origin=origin)
        response = refused.value.response
        assert response.status_code == status, (headers, response)
        body = response.body.decode()
        said.append(body + str(response.headers))
        if reason:
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert json.loads(body)["details"][0]["reason"] == reason
    with pytest.raises(ConnectionClosed) as closed, entered(guarded, token=forged):
        pass
    assert closed.value.rcvd.code == 4001 and "signature" in closed.value.rcvd.reason
    with pytest.raises(ConnectionClosed) as closed, entered(guarded):
        pass
    assert closed.value.rcvd.code == 4501
    with entered(guarded, query=f"?token={good}"), entered(guarded, token=good):
        with urllib.request.urlopen(f"{guarded.admin}/metrics", timeout=PATIENCE) as answer:
            metrics = answer.read().decode()
    assert 'rialto_upgrades_refused_total{status="401"} 4' in metrics
    said += [metrics, closed.value.rcvd.reason, eventually(lambda: guarded.said(), "a log")]
    for token in (good, forged):
        header, claims, signature = token.split(".")
        for part in (claims, signature, base64.b64encode(claims.encode()).decode()[:40]):
            assert not any(part in text for text in said), "a token is repeated"


def test_a_token_ends_and_so_does_its_connection(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    with running(["serve", "--jwt-secret-file", secret, "--token-grace", "100ms"], tmp_path) as bridge:
        bridge.secret = secret
        with entered(bridge, token=mint(bridge, "ann", "--for", "8s")) as (socket, _):
            error = next_of(socket, "connection.error")["data"]
            assert (error["code"], error["reason"]) == (4002, "token_expired")
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=PATIENCE)
            assert closed.value.rcvd.code == 4002


def test_the_command_line_follows_with_a_token_and_says_what_it_lacks(guarded, tmp_path):
    follow = [PROGRAM, "subscribe", "--url", guarded.websocket]
    done = subprocess.run([*follow, "team:red"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and "4501 neither the upgrade nor connection.init has a token" in done.stderr, done
    done = subprocess.run([*follow, "--token", "x"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and "401 Unauthorized the token is not a signed JWT" in done.stderr, done
    token = mint(guarded, "ann", "--permission", "team:red:read")
    done = subprocess.run([*follow, "team:blue", "--token", token], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and 'needs the permission "team:blue:read"' in done.stderr, done
    (tmp_path / "token").write_text(token + "\n")
    with subprocess.Popen(
        [*follow, "team:red", "--token", f"@{tmp_path / 'token'}", "--count", "1"], stdout=subprocess.PIPE, text=True
    ) as process:
        move = {"type": "team.presence.update", "data": {"teamId": "red", "userId": "u1", "status": "PRESENCE_STATUS_IDLE"}}
        eventually(lambda: publish(guarded, move) and process.poll() is not None, "an event for it")
        assert process.wait(PATIENCE) == 0 and "PRESENCE_STATUS_IDLE" in process.stdout.read()


class Page:
    """What the TypeScript client tells, read as it comes: nobody waits on the pipe."""

    def __init__(self, process):
        self.process, self.lines = process, []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def give(self, token):
        self.process.stdin.write(token + "\n")
        self.process.stdin.flush()

    def tells(self, **what):
        """Waits for a line with these members."""
        found = lambda: any(what.items() <= line.items() for line in list(self.lines))
        ended = lambda: not self.reader.is_alive()
        eventually(lambda: found() or ended(), f"{what} of {self.lines}")
        assert found(), f"no {what} in {self.lines}"

    def ends(self):
        """Waits for its end. Returns its last line."""
        eventually(lambda: not self.reader.is_alive(), f"an end after {self.lines}")
        return self.lines[-1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The client in one file."""
    client, file = ROOT / "clients" / "typescript", tmp_path_factory.mktemp("client") / "client.mjs"
    esbuild = [client / "node_modules" / ".bin" / "esbuild", client / "src" / "index.ts"]
    subprocess.run([*esbuild, "--bundle", "--format=esm", f"--outfile={file}", "--log-level=error"], check=True)
    return file


@contextlib.contextmanager
def browser(bridge, bundle, channel, *text):
    client, script = ROOT / "clients" / "typescript", ROOT / "tests" / "e2e" / "typescript" / "token.mjs"
    command = ["node", script, bundle, client, bridge.websocket, channel, *text]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        page = Page(process)
        try:
            yield page
        finally:
            process.kill()
            page.reader.join(PATIENCE)


@pytest.fixture
def strict(tmp_path):
    """A bridge that has no grace for tokens that have ended."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    with running(["serve", "--jwt-secret-file", secret, "--token-grace", "100ms"], tmp_path) as bridge:
        bridge.secret = secret
        yield bridge


def test_the_typescript_client_brings_a_new_token_before_the_old_one_ends(strict, bundle):
    grants = ["--permission", "team:red:read"]
    long = mint(strict, "ann", *grants)
    with browser(strict, bundle, "team:red") as page:
        # A token's time begins when everything else is there.
        page.tells(asked=1, expired=False)
        short = mint(strict, "ann", *grants, "--for", "12s")
        page.give(short)
        page.tells(asked=2, expired=True)
        page.give(long)
        with entered(strict, token=short) as (other, _):
            next_of(other, "connection.error")
        move = {"teamId": "red", "userId": "u1", "status": "PRESENCE_STATUS_IDLE"}
        event = {"type": "team.presence.update", "data": move}
        eventually(lambda: publish(strict, event) and {"type": event["type"]} in page.lines, "an event after its end")
        states = [line["state"] for line in page.lines if "state" in line]
        assert states.count("connected") == 1 and "waiting" not in states, page.lines
        page.tells(state="connected", userId="ann")
        assert not any(line.get("asked", 0) > 2 for line in page.lines), "an hour is not over"


def test_the_typescript_client_follows_its_token_to_another_session(strict, bundle):
    grants = ["--permission", "team:red:read"]
    moved = mint(strict, "ann", *grants, "--session", "new")
    with browser(strict, bundle, "team:red") as page:
        page.tells(asked=1, expired=False)
        page.give(mint(strict, "ann", *grants, "--session", "old", "--for", "3s"))
        # The open connection keeps its session, to which the new token does not lead. The next one asks for it in vain once.
        for _ in range(8):
            page.give(moved)
        page.tells(state="waiting", code="permission_denied")
        page.tells(state="connected", sessionId="new")
        assert [line["sessionId"] for line in page.lines if line.get("state") == "connected"] == ["old", "new"]


def test_the_typescript_client_gives_up_on_tokens_that_are_refused_twice(strict, bundle):
    with browser(strict, bundle, "team:red") as page:
        for asked, expired in [(1, False), (2, True)]:
            page.tells(asked=asked, expired=expired)
            page.give("x")
        last = page.ends()
        assert (last["state"], last["code"]) == ("closed", "unauthenticated"), page.lines
        assert "not a signed JWT" in last["message"]
    with browser(strict, bundle, "team:red", "x") as page:
        assert page.ends()["code"] == "unauthenticated"
        states = [line["state"] for line in page.lines]
        assert states.count("connecting") == 1, "a text that is refused is not tried again"


def test_an_open_address_needs_tokens_and_open_pages_need_none(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    keys, operators = ["--jwt-secret-file", str(secret)], ["--admin-token-file", str(secret)]
    for arguments, said in [
        (["serve", "--listen", "0.0.0.0:0"], "--jwt-secret-file"),
        (["serve", "--grpc", "0.0.0.0:0", *keys], "--grpc: 0.0.0.0:0 can be reached from other machines"),
        (["serve", "--admin", "0.0.0.0:0", *keys], "--admin: 0.0.0.0:0 can be reached from other machines"),
        (["serve", "--token-in-query"], "nobody would be authenticated"),
        (["demo", *keys], "has no token"),
        (["dev", str(tmp_path), "--page", *keys], "has no token"),
        (["demo", *operators], "whoever sees it"),
        (["dev", str(tmp_path), "--page", *operators], "has no token"),
    ]:
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 2 and said in done.stderr, (arguments, done)
    for weak in ["short", "changeme" * 4, "a" * 40]:
        secret.write_text(weak)
        done = subprocess.run([PROGRAM, "serve", *keys], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 2 and "--jwt-secret-file" in done.stderr and weak not in done.stderr, done
    secret.write_text(SECRET)
    for more in [[], ["--insecure"]]:
        with running(["serve", *keys, *more], tmp_path, listen="0.0.0.0:0") as bridge:
            bridge.addresses["listen"] = bridge.addresses["listen"].replace("0.0.0.0", "127.0.0.1")
            with pytest.raises(InvalidStatus) as refused:
                connect(bridge.websocket)
            assert refused.value.response.status_code == 401, "--insecure lets nobody in"
            with pytest.raises(urllib.error.HTTPError) as missing:
                urllib.request.urlopen(bridge.http, timeout=PATIENCE)
            assert missing.value.code == 404


def test_the_command_line_ends_connections_and_keeps_tokens_out(guarded):
    address = guarded.addresses["admin"]
    order = lambda *words: subprocess.run(
        [PROGRAM, *words, "--admin", address], capture_output=True, text=True, timeout=PATIENCE
    )
    ann, bob = mint(guarded, "ann", "--claim", "jti=t1"), mint(guarded, "bob")
    with entered(guarded, token=ann) as (anns, ack), entered(guarded, token=bob) as (bobs, _):
        done = order("disconnect", "--session", ack["sessionId"])
        assert (done.returncode, done.stdout) == (0, "ended 1 connection\n"), done
        assert next_of(anns, "connection.error")["data"]["reason"] == "revoked"
        with pytest.raises(ConnectionClosed) as closed:
            anns.recv(timeout=PATIENCE)
        assert closed.value.rcvd.code == 4504
        with entered(guarded, token=ann) as (again, _):
            done = order("revoke", "--token-id", "t1")
            assert done.returncode == 0 and done.stdout.startswith("ended 1 connection; remembered until 20"), done
            assert next_of(again, "connection.error")["data"]["code"] == 4504
        with pytest.raises(InvalidStatus) as refused:
            connect(guarded.websocket, additional_headers={"authorization": f"Bearer {ann}"})
        answer = json.loads(refused.value.response.body)
        assert (refused.value.response.status_code, answer["details"][0]["reason"]) == (401, "revoked")
        done = order("revoke", "--user", "nobody", "--json")
        assert json.loads(done.stdout)["connections"] == 0, done
        assert subscribed(bobs, "system") == 0
    done = order("revoke", "--user", "a\tb")
    assert done.returncode == 1 and "control characters" in done.stderr, done
    assert order("disconnect").returncode == 2 and order("revoke", "--user", "a", "--session", "b").returncode == 2
    done = subprocess.run(
        [PROGRAM, "disconnect", "--user", "a", "--admin", guarded.addresses["grpc"]],
        capture_output=True, text=True, timeout=PATIENCE,
    )
    assert done.returncode == 3 and "--admin takes the internal port" in done.stderr, done


def test_who_is_not_let_in_is_told_in_the_log_with_the_reason_and_never_the_token(guarded):
    wrong = mint(guarded, "ann")[:-4] + "AAAA"
    for token, origin in [(wrong, None), (None, "https://evil.example\"x")]:
        headers = {"authorization": f"Bearer {token}"} if token else None
        with pytest.raises(InvalidStatus), connect(guarded.websocket, additional_headers=headers, origin=origin):
            pass
    eventually(lambda: "evil" in guarded.said(), "the line about the page")
    lines = [line for line in guarded.said().splitlines() if "not let in" in line]
    assert len(lines) == 2 and all(" INFO " in line and "peer=127.0.0.1:" in line for line in lines), lines
    assert "code=4001 status=401" in lines[0] and 'reason="the token\'s signature is wrong"' in lines[0], lines
    assert "code=4003 status=403" in lines[1] and "--allowed-origin" in lines[1], lines
    assert "https://evil.example" in lines[1] and wrong.rsplit(".", 1)[1] not in guarded.said(), lines
