"""The command line against a real bridge, as a person and as a script use it."""

import json
import os
import signal
import socket
import subprocess
import threading

import pytest
from conftest import PATIENCE, PROGRAM, ROOT, eventually, running

# A schema that hides and masks fields.
GUARDED = ROOT / "tests" / "vectors" / "typescript" / "visibility" / "schema"


def rialto(*arguments, stdin="", environment=None):
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **(environment or {})},
    )


def publish(bridge, *arguments, **more):
    return rialto("publish", "--grpc", bridge.grpc, *arguments, **more)


class Follower:
    """`rialto subscribe` in the background, its output in files."""

    def __init__(self, bridge, folder, *arguments):
        self.out, self.err = folder / "out", folder / "err"
        with open(self.out, "w") as out, open(self.err, "w") as err:
            command = [PROGRAM, "subscribe", "--url", bridge.websocket, *arguments]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def events(self, channel):
        """The sequences of the events of a channel, as far as lines are complete."""
        lines = self.out.read_text().split("\n")[:-1]
        frames = [json.loads(line) for line in lines]
        return [frame["sequence"] for frame in frames if frame.get("channel") == channel]

    def frames(self, kind):
        lines = self.out.read_text().split("\n")[:-1]
        return [frame for frame in map(json.loads, lines) if frame["type"] == kind]

    def wait_for_note(self, text):
        eventually(lambda: text in self.err.read_text(), f"{text!r} on standard error")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(PATIENCE)


def test_publish_says_where_the_event_is(bridge):
    done = publish(bridge, "process.progress", '{"projectId":"a:b","progress":1}')
    assert done.returncode == 0, done.stderr
    # A colon in a value cannot become structure.
    assert done.stdout.startswith("project:a%3Ab #1  ")
    assert "\x1b" not in done.stdout
    done = publish(bridge, "process.progress", '{"projectId":"a:b"}', "--json")
    answer = json.loads(done.stdout)
    assert answer["positions"][0]["sequence"] == 2
    assert answer["duplicate"] is False


def test_publish_reads_lines_and_goes_on_after_a_bad_one(bridge):
    lines = [json.dumps({"projectId": "7", "progress": number}) for number in range(500)]
    lines[250] = '{"projectId":"7","progress":"much"}'
    done = publish(bridge, "process.progress", "-", stdin="\n".join(lines))
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 499
    assert done.stdout.splitlines()[-1].startswith("project:7 #499 ")
    assert "event 251: INVALID_ARGUMENT" in done.stderr and "progress" in done.stderr
    assert "1 of 500 events were refused" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["publish", "process.progress", "{", "--grpc", "GRPC"], 1, "INVALID_ARGUMENT"),
        (["publish", "no.such", "{}", "--grpc", "GRPC"], 1, "no.such"),
        (["publish", "proces.progress", "{}", "--grpc", "GRPC"], 1, 'did you mean "process.progress"?'),
        (["publish", "process.progress", "{}", "--grpc", "LISTEN"], 3, 'LISTEN does not speak gRPC: it answers "HTTP/1.1 '),
        (["publish", "process.progress", "-", "--grpc", "LISTEN"], 3, "--grpc takes the port"),
        (["publish", "process.progress", "{}", "--grpc", "127.0.0.1:1"], 3, "no bridge at"),
        (["subscribe", "nowhere:1", "--url", "URL"], 1, "4006"),
        (["subscribe", "--url", "ws://127.0.0.1:1/ws"], 3, "no bridge at"),
        (["subscribe", "--url", "nonsense"], 2, "is not a URL"),
        (["subscribe", "--url", "http://127.0.0.1:8080"], 2, "write ws://127.0.0.1:8080/ws"),
        (["subscribe", "--types", "process.*"], 2, "name at least one"),
        (["demo", "--schema", "."], 2, "rialto serve --schema"),
        (["serve", "--listen", "0.0.0.0:0"], 2, "--insecure"),
        (["check", "--permissions"], 0, "team:{team_id}:read"),
        (["check", "--permissions"], 0, "chat:write"),
        (["check", "--permissions"], 0, "(its own)"),
        (["check", "--permissions", "--json"], 0, '"subscribe":"team:{team_id}:read"'),
        (["check", "--permissions", GUARDED], 0, "\na field that logs mask  is seen with\n"),
        (["check", "--permissions", GUARDED], 0, "\nshop.v1.Placed.card     money\n"),
        (["check", "--permissions", GUARDED], 0, "\nshop.v1.Placed.iban     -\n"),
        (["check", "--permissions", "--json", GUARDED], 0, '"field":"shop.v1.Placed.card","maskedInLogs":true'),
        (["serve", "--listen", "8080"], 2, "example: 127.0.0.1:8080"),
        (["check", "/nowhere"], 1, "/nowhere"),
        (["serv"], 2, "serve"),
    ],
)
def test_exit_codes_and_advice(bridge, arguments, code, text):
    known = {"GRPC": bridge.grpc, "URL": bridge.websocket, "LISTEN": bridge.addresses["listen"]}
    done = rialto(*(known.get(argument, argument) for argument in arguments))
    assert done.returncode == code, done.stderr
    assert text.replace("LISTEN", known["LISTEN"]) in done.stderr + done.stdout
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["publish", "process.progress", "{}", "--grpc", "ADDRESS"], "--grpc takes the port"),
        (["publish", "process.progress", "-", "--grpc", "ADDRESS"], "--grpc takes the port"),
        (["subscribe", "--url", "ws://ADDRESS/ws"], "no bridge at"),
    ],
)
def test_a_port_that_accepts_and_says_nothing_is_given_up(arguments, text):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "127.0.0.1:%d" % silent.getsockname()[1]
        arguments = [argument.replace("ADDRESS", address) for argument in arguments]
        done = rialto(*arguments, "--timeout", "300ms")
    assert done.returncode == 3, done.stderr
    assert text in done.stderr and address in done.stderr, done.stderr


def test_all_mistakes_of_the_configuration_come_at_once():
    done = rialto("serve", "--grpc", "x", environment={"RIALTO_LISTN": "y", "RIALTO_PING_INTERVAL": "z"})
    assert done.returncode == 2
    for name in ("--grpc", "RIALTO_LISTN", "RIALTO_LISTEN", "RIALTO_PING_INTERVAL"):
        assert name in done.stderr


def test_subscribe_follows_channels_and_ends_after_as_many_events_as_wanted(bridge, tmp_path):
    with Follower(bridge, tmp_path, "project:7", "--json", "--count", "3") as follower:
        follower.wait_for_note("project:7: subscribed")
        for number in range(5):
            publish(bridge, "process.progress", json.dumps({"projectId": "7", "progress": number}))
        assert follower.process.wait(PATIENCE) == 0
        assert follower.events("project:7") == [1, 2, 3]


def test_subscribe_survives_a_reader_that_has_enough(demo):
    command = f"{PROGRAM} subscribe --url {demo.websocket} project:42 | head -n 2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    # What the bridge subscribes everybody to was not asked for.
    assert all("  project:42 #" in line for line in lines), lines


def test_a_stopped_subscriber_is_closed_as_dead_and_resumes(tmp_path):
    limits = ["--ping-interval", "1s", "--pong-timeout", "1s", "--write-timeout", "1s", "--heartbeat-interval", "1s"]
    with running(["serve", *limits], tmp_path, environment={"RIALTO_LOG_LEVEL": "debug"}) as bridge:
        with Follower(bridge, tmp_path, "project:7", "--json") as follower:
            follower.wait_for_note("project:7: subscribed")
            lines = "\n".join(json.dumps({"projectId": "7", "progress": number}) for number in range(100))
            publish(bridge, "process.progress", "-", stdin=lines)
            eventually(lambda: len(follower.events("project:7")) == 100, "the first hundred events")
            os.kill(follower.process.pid, signal.SIGSTOP)
            # Meanwhile others are served as ever, until the stopped one is found dead and after that.
            published = 100
            for number in range(6):
                if number == 3:
                    dead = lambda: "heartbeat_missed" in bridge.said()
                    eventually(dead, "the stopped one's end in the log")
                publish(bridge, "process.progress", "-", stdin=lines)
                published += 100
                watched = tmp_path / f"watched-{published}"
                watched.mkdir()
                with Follower(bridge, watched, "project:7", "--json", "--history", "10", "--count", "10") as watcher:
                    assert watcher.process.wait(PATIENCE) == 0
                    assert watcher.events("project:7") == list(range(published - 9, published + 1))
            os.kill(follower.process.pid, signal.SIGCONT)
            follower.wait_for_note("coming back")
            eventually(lambda: follower.events("project:7")[-1] == published, "the last event")
            # All of it is within the retention of 1,000 events, so nothing is lost.
            assert follower.events("project:7") == list(range(1, published + 1))
            assert follower.frames("channel.gap") == []


def test_check_reports_every_mistake_with_its_place(tmp_path):
    (tmp_path / "a.proto").write_text(
        'syntax = "proto3";\n'
        "package a.v1;\n"
        'import "rialto/v1/options.proto";\n'
        "message A {\n"
        '  option (rialto.v1.event) = { type: "a.b" channels: ["Nowhere"] };\n'
        "}\n"
        "message B {\n"
        '  option (rialto.v1.event) = { type: "channel.mine" };\n'
        "}\n"
    )
    done = rialto("check", tmp_path)
    assert done.returncode == 1
    assert "a.proto:5:" in done.stdout and "a.proto:8:" in done.stdout
    mistakes = json.loads(rialto("check", tmp_path, "--json").stdout)["mistakes"]
    assert len(mistakes) == 2
    assert all(mistake["advice"] for mistake in mistakes)


def test_check_says_when_there_may_be_more_and_warns_about_nothing(tmp_path):
    (tmp_path / "a.proto").write_text('syntax = "proto3"; import "b.proto"; import "c.proto";')
    done = rialto("check", tmp_path)
    assert done.returncode == 1 and done.stdout.count("not found") == 2
    assert done.stderr == "rialto: 2 mistakes in the schema; there may be more once these are mended\n"
    assert json.loads(rialto("check", tmp_path, "--json").stdout)["complete"] is False
    (tmp_path / "a.proto").write_text('syntax = "proto3"; message A {}')
    done = rialto("check", tmp_path)
    assert done.returncode == 0 and "[no-events]" in done.stdout
    assert "[no-events]" not in rialto("check", tmp_path, "--allow", "no-events").stdout
    (tmp_path / "set.binpb").write_bytes(b"")
    done = rialto("check", tmp_path / "set.binpb")
    assert done.returncode == 1 and "this file is empty" in done.stdout


def test_a_port_that_is_no_server_of_ours_is_told_with_its_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "127.0.0.1:%d" % server.getsockname()[1]

        def answer():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"220 mail.example ESMTP and so on, for as long as it takes\r\n")

        threading.Thread(target=answer, daemon=True).start()
        done = rialto("publish", "process.progress", "{}", "--grpc", address)
        server.shutdown(socket.SHUT_RDWR)
    assert done.returncode == 3, done.stderr
    assert address in done.stderr and "--grpc" in done.stderr


def test_check_summarises_what_is_right():
    done = rialto("check", ROOT / "proto", "--json")
    summary = json.loads(done.stdout)
    assert summary["ok"] is True and len(summary["fingerprint"]) == 64
    assert {"name": "process.progress", "message": "project.v1.ProcessProgress"} in summary["events"]


def test_check_lists_the_bundled_catalogue_without_a_path():
    done = rialto("check", "--json")
    assert done.returncode == 0, done.stderr
    folder = json.loads(rialto("check", ROOT / "proto", "--json").stdout)
    # Some names of the catalogue are as old as the services that it was made for; nothing else is to be said.
    assert {warning["rule"] for warning in folder["warnings"]} == {"event-type-form"}
    assert json.loads(done.stdout) == {**folder, "warnings": []}


def test_a_refusal_is_said_once(bridge):
    done = publish(bridge, "process.progress", '{"projectId":"7","progress":"much"}')
    assert done.returncode == 1
    assert done.stderr == "rialto: INVALID_ARGUMENT: process.progress: progress: expected a number\n"
    done = publish(bridge, "process.progress", '{"projectId":"7","progress":"much"}', "--json")
    assert json.loads(done.stdout)["error"]["violations"] == [
        {"field": "progress", "description": "expected a number"}
    ]


def test_the_demo_ends_without_a_complaint(tmp_path):
    with running(["demo"], tmp_path) as bridge:
        eventually(lambda: "Ctrl-C ends it." in bridge.said(), "the welcome")
    assert "\n!" not in (tmp_path / "bridge.log").read_text()


def test_where_a_bridge_refuses_nobody_is_told_to_start_one():
    def refuse(server):
        stream, _ = server.accept()
        with stream:
            while b"\r\n\r\n" not in stream.recv(65536):
                pass
            stream.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse, args=(server,))
        thread.start()
        done = rialto("subscribe", "a", "--url", "ws://127.0.0.1:%d/ws" % server.getsockname()[1])
        thread.join()
    assert done.returncode == 3 and "503 Service Unavailable full" in done.stderr, done.stderr
    assert "start one" not in done.stderr, done.stderr


def test_a_port_that_asks_for_a_token_says_how_to_show_it(tmp_path):
    (tmp_path / "token").write_text("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e\n")
    with running(["serve", "--admin-token-file", tmp_path / "token"], tmp_path) as bridge:
        order = ["disconnect", "--user", "ann", "--admin", bridge.addresses["admin"]]
        assert "give --admin-token @PATH" in rialto(*order).stderr
        assert rialto(*order, "--admin-token", f"@{tmp_path / 'token'}").returncode == 0


def test_what_is_behind_the_path_of_a_url_is_not_repeated(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = "127.0.0.1:%d" % server.getsockname()[1]
    authority = ["--ca", tmp_path / "ca.pem"]
    for url, more, said in [
        (f"http://{nobody}/ws", [], "is no WebSocket's URL: write ws://"),
        (f"ftp://{nobody}/ws", [], "begins with neither ws:// nor wss://"),
        (f"ws://{nobody}/ws", authority, "--ca is for TLS: write wss://"),
        ("ws://a b/ws", [], "is not a URL"),
        (f"ws://{nobody}/ws", [], "no bridge at ws://"),
    ]:
        for behind in ["?token=S3CRET", "#S3CRET"]:
            done = rialto("subscribe", "a", "--url", url + behind, *more)
            assert done.returncode != 0 and said in done.stderr, (url, done)
            assert "S3CRET" not in done.stderr + done.stdout, (url, done)
