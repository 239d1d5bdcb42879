"""Every language's publisher: what it sends arrives exactly, and a restart of the bridge costs nothing."""

import contextlib
import json
import shutil
import signal
import subprocess

import grpc
import pytest
from conftest import NODE_PACKAGES, PATIENCE, ROOT, Bridge
from line import Line
from publishers import EXAMPLES, LANGUAGES, Publisher
from test_clients import Subscriber, progress
from test_typescript import HERE, MODULES, NEWEST, OLDEST, expect, generate
from websockets.exceptions import ConnectionClosed

STEP = json.loads((ROOT / EXAMPLES / "step.json").read_text())
WORKFLOW = f"workflow:{STEP['workflowId']}"
PROJECT = "project:42"
COUNT = 120
"""Events of one publisher across a restart: so many that on a slow machine it is not done before it is held."""


@pytest.fixture(scope="session", params=LANGUAGES)
def publisher(request):
    return Publisher(request.param)


def differences(wanted, found, path="data"):
    """Where two JSON values differ. Numbers are compared as JavaScript has them, `1` being `1.0`."""
    numbers = (int, float)
    both_numbers = isinstance(wanted, numbers) and isinstance(found, numbers)
    if type(wanted) is not type(found) and not (both_numbers and bool not in (type(wanted), type(found))):
        return [f"{path}: {wanted!r} came as {found!r}"]
    if isinstance(wanted, dict):
        return [
            line
            for name in sorted(wanted.keys() | found.keys())
            for line in (
                differences(wanted[name], found[name], f"{path}.{name}")
                if name in wanted and name in found
                else [f"{path}.{name}: {'lost' if name in wanted else 'not sent'}"]
            )
        ]
    if isinstance(wanted, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [line for index, (one, other) in pairs for line in differences(one, other, f"{path}[{index}]")]
    return [] if wanted == found else [f"{path}: {wanted!r} came as {found!r}"]


def test_differences_are_found_wherever_they_are():
    assert differences(STEP, json.loads(json.dumps(STEP))) == []
    assert differences({"a": [1, {"b": True}]}, {"a": [1.0, {"b": 1}]}) == ["data.a[1].b: True came as 1"]
    assert differences({"a": "1"}, {"b": 1}) == ["data.a: lost", "data.b: not sent"]
    assert differences([1], [1, 2]) == ["data: [1] came as [1, 2]"]


class Page:
    """A page in Chromium that receives with the client generated from the bundled schema."""

    def __init__(self, folder):
        generate(folder / "sdk")
        for name in ("step.ts", "tsconfig.json"):
            shutil.copy(HERE / name, folder / name)
        for compiler in (OLDEST, NEWEST):
            expect(*compiler, "-p", folder)
        bundle = folder / "step.mjs"
        expect(MODULES / ".bin" / "esbuild", folder / "step.ts", "--bundle", "--format=esm", f"--outfile={bundle}")
        command = ["node", HERE / "receive.mjs", bundle, shutil.which("chromium"), NODE_PACKAGES]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        print(json.dumps(question), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, f"the page ended with {self.process.wait(PATIENCE)}"
        return json.loads(answer)


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    page = Page(tmp_path_factory.mktemp("page"))
    yield page
    page.process.stdin.close()
    assert page.process.wait(PATIENCE) == 0


READ = {
    "fingerprint": "f" * 16,
    "rowsAreTheMost": True,
    "memoryChange": -(2**53 - 1),
    "started": "2026-11-20T23:59:59.999Z",
    "duration": 3661000.000001,
    "preview": [0, 251, 255, 254, 62, 63],
    "succeeded": True,
    "output": "value",
    "approved": False,
}
"""What the page makes of the step with the client's own conversions: 64-bit integers, times, bytes, presence."""


def test_the_hardest_event_arrives_as_it_was_sent(publisher, bridge, page, tmp_path):
    page.ask(start=bridge.addresses["listen"], workflowId=STEP["workflowId"])
    with Subscriber(bridge, [{"name": WORKFLOW}]) as subscriber:
        subscriber.of(WORKFLOW)
        with publisher.start(bridge, tmp_path, 3, "--event", "../step.json") as running:
            frames = [subscriber.of(WORKFLOW) for _ in range(3)]
            seen = page.ask(look=3)
            summary = running.summary()
    assert seen["errors"] == [] and len(seen["steps"]) == 3
    for number, step in enumerate(seen["steps"], 1):
        assert step["sequence"] == number
        assert step["metadata"] == {"publisher": publisher.language, "number": str(number)}
        assert differences(STEP, step["data"]) == []
        assert step["read"] == READ
    assert (summary["acked"], summary["duplicates"], summary["refused"]) == (3, 0, 0)
    for number, frame in enumerate(frames, 1):
        assert (frame["type"], frame["sequence"]) == ("workflow.step_completed", number)
        assert frame["metadata"] == {"publisher": publisher.language, "number": str(number)}
        assert differences(STEP, frame["data"]) == []


def test_a_cut_line_costs_nothing_at_all(publisher, bridge, tmp_path):
    """Acks are lost, the line is cut, what has no ack is sent again: each event is in the log once, in order."""
    with contextlib.closing(Line(bridge.addresses[publisher.port])) as line:
        with started(publisher, bridge, tmp_path, address=line.address) as (running, subscriber, seen):
            line.swallow_answers()
            assert line.has_swallowed.wait(PATIENCE)
            # curl waits for each answer; the others go on meanwhile.
            while publisher.language != "curl" and len(seen) < 20:
                seen.append(number_of(subscriber.of(PROJECT)))
            line.cut()
            summary = running.summary()
            while seen[-1] < COUNT:
                seen.append(number_of(subscriber.of(PROJECT)))
    assert seen == list(range(1, COUNT + 1))
    assert (summary["acked"], summary["refused"]) == (COUNT, 0)
    assert summary["duplicates"] > 0


def test_a_bridge_that_is_stopped_is_left_for_the_next_one(publisher, tmp_path):
    """The publisher is held until the bridge is on its way out, so that it cannot have finished before."""
    with doomed(tmp_path) as first, started(publisher, first, tmp_path) as (running, subscriber, before):
        running.signal(signal.SIGSTOP)
        first.process.send_signal(signal.SIGTERM)
        before += until_closed(subscriber)
        running.signal(signal.SIGCONT)
        assert first.process.wait(PATIENCE) == 0
        after = published_to_the_next(running, first, tmp_path)
    assert before == list(range(1, before[-1] + 1))
    assert after == list(range(after[0], COUNT + 1))


def test_a_bridge_that_is_killed_costs_repetition_at_most(publisher, stubs, tmp_path):
    """What had been delivered and not acked comes again; nothing is left out, and the order is kept."""
    with doomed(tmp_path) as first, started(publisher, first, tmp_path) as (running, subscriber, before):
        running.signal(signal.SIGSTOP)
        # When these have gone all the way, so has everything that was sent before.
        with grpc.insecure_channel(first.grpc) as channel:
            stub = stubs.services.PublisherServiceStub(channel)
            for number in range(3):
                stub.Publish(stubs.publisher.PublishRequest(event=progress(stubs, number, "42")), timeout=PATIENCE)
                while (frame := subscriber.of(PROJECT))["data"]["processId"] != f"p-{number}":
                    before.append(number_of(frame))
        first.process.kill()
        first.process.wait(PATIENCE)
        running.signal(signal.SIGCONT)
        after = published_to_the_next(running, first, tmp_path)
    assert before == list(range(1, before[-1] + 1))
    assert after == list(range(after[0], COUNT + 1))
    assert after[0] <= before[-1] + 1


@contextlib.contextmanager
def doomed(folder):
    """A bridge that does not outlive its test, however that ends."""
    bridge = Bridge(["serve"], folder)
    try:
        yield bridge
    finally:
        bridge.process.kill()
        bridge.process.wait(PATIENCE)
        bridge.log.close()


@contextlib.contextmanager
def started(publisher, bridge, folder, address=None):
    """A publisher that has published some of its events, a subscriber, and what that one has seen."""
    with Subscriber(bridge, [{"name": PROJECT}]) as subscriber:
        subscriber.of(PROJECT)
        with publisher.start(bridge, folder, COUNT, "--interval-ms", "20", address=address) as running:
            yield running, subscriber, [number_of(subscriber.of(PROJECT)) for _ in range(10)]


def published_to_the_next(running, first, folder):
    """Starts a bridge in the place of the first, and waits for the publisher's end. What arrived at the bridge."""
    second = Bridge(["serve"], folder, addresses=first.addresses)
    try:
        summary = running.summary()
        assert (summary["acked"], summary["refused"]) == (COUNT, 0)
        assert summary.get("connections", 2) >= 2
        numbers = []
        with Subscriber(second, [{"name": PROJECT, "after": {"epoch": "elsewhere", "sequence": 1}}]) as subscriber:
            while numbers[-1:] != [COUNT]:
                frame = subscriber.of(PROJECT)
                if "sequence" in frame:
                    numbers.append(number_of(frame))
        return numbers
    finally:
        second.stop()


def number_of(frame):
    assert frame["type"] == "process.progress", frame
    return int(frame["metadata"]["number"])


def until_closed(subscriber):
    """The numbers of the events that come before the bridge closes the connection."""
    numbers = []
    try:
        while True:
            frame = subscriber.next()
            if frame.get("channel") == PROJECT:
                numbers.append(number_of(frame))
    except ConnectionClosed:
        return numbers
