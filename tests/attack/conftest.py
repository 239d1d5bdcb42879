"""A bridge under attack: beside every row the control pair runs, and after it the process is looked at from outside.

`test_*.py` is part of `make test`; `long_*.py` is `make attack`, which prints what it measured. The order is random with a seed
that is printed; SEED repeats it.
"""

import contextlib
import importlib.util
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time
import urllib.request

import ledger
import pytest
from pair import Pair
from witness import Witness

ROOT = pathlib.Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("bridges", ROOT / "tests" / "e2e" / "conftest.py")
bridges = importlib.util.module_from_spec(_spec)
sys.modules["bridges"] = bridges
_spec.loader.exec_module(bridges)
stubs = bridges.stubs

SECRET = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"
MAX_RSS = 256 << 20
"""What the process may have after any attack: a debug build with its default limits."""
FACTOR, FLOOR = 3, 0.02 if bridges.PROGRAM.parent.name == "release" else 0.25
"""How slow the control pair may become: three times its own baseline, or 20 ms where that is more; 250 ms for a build for
debugging, which shares what may be two cores with the attacker and the pair."""

SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
ROWS = []


def pytest_report_header():
    return f"attacks in random order: SEED={SEED}"


def pytest_collection_modifyitems(items):
    random.Random(SEED).shuffle(items)


def pytest_sessionfinish(session, exitstatus):
    if session.testscollected == 0 and not session.config.option.collectonly:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    if not ROWS:
        return
    terminalreporter.section("attacks")
    for row in sorted(ROWS, key=lambda row: row["row"]):
        figures = ", ".join(f"{name} {value}" for name, value in row.items() if name not in ("row", "verdict"))
        terminalreporter.write_line(f"{row['row']:<48} {row['verdict']:<7} {figures}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    figures = item.funcargs.get("figures") if hasattr(item, "funcargs") else None
    if figures is not None and (report.when == "teardown" or report.failed):
        failed = report.failed or getattr(item, "has_failed", False)
        item.has_failed = failed
        if report.when == "teardown":
            ROWS.append({"row": item.name.removeprefix("test_"), "verdict": "FAILED" if failed else "held", **figures})
    elif report.when == "call":
        item.has_failed = report.failed


@pytest.fixture
def figures():
    """What a row measured, for the table."""
    return {}


def metrics(bridge):
    """The metrics by name and labels, as they are written."""
    with urllib.request.urlopen(f"{bridge.admin}/metrics", timeout=bridges.PATIENCE) as response:
        lines = response.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def look(bridge):
    """The process from outside."""
    folder = pathlib.Path(f"/proc/{bridge.process.pid}")
    if bridge.process.poll() is not None:
        return ledger.Figures(False, 0, 0, 0)
    rss = int(re.search(r"VmRSS:\s+(\d+) kB", (folder / "status").read_text())[1]) << 10
    tasks = int(metrics(bridge)["rialto_runtime_tasks"])
    return ledger.Figures(True, rss, len(list((folder / "fd").iterdir())), tasks)


@contextlib.contextmanager
def control(bridge, figures=None, token=None, max_rss=MAX_RSS, baseline=0, publisher=None, load=None):
    """The control pair around an attack, and the process before and after it. With a `baseline` of so many seconds
    before the attack its pace is judged too; `load` is what honest others do in that time, as they do during the attack. `token` is its subscribers', `publisher` its publisher's."""
    figures = {} if figures is None else figures
    pair = Pair(bridge, token, publisher)
    witness = None

    def phase(name):
        pair.phase(name)
        if witness:
            witness.phase(name)

    try:
        witness = Witness() if baseline else None
        before = look(bridge)
        if load:
            # What the pair's pace is on an idle machine is told, too, and judges nobody.
            phase("quiet")
            time.sleep(2)
            phase("baseline")
        until = time.monotonic() + baseline
        while load and time.monotonic() < until:
            load()
        time.sleep(max(0.0, until - time.monotonic()))
        phase("attack")
        began = time.monotonic()
        yield pair
        if baseline:
            time.sleep(max(0.0, 1.5 - (time.monotonic() - began)))
            figures["seconds"] = f"{time.monotonic() - began:.1f}"
        phase("after")
        breaches = []

        def back():
            nonlocal breaches
            breaches = ledger.check_process(before, look(bridge), max_rss)
            return not breaches

        with contextlib.suppress(AssertionError):
            bridges.eventually(back, "descriptors and tasks come back")
        after = look(bridge)
        published, views, latencies = pair.finish()
        breaches += ledger.check(published, views)
        assert len(published) >= 3, "the control pair did nothing"
        lost = [event for event in published if event.outcome != "acked"]
        closed = [entry for view in views for entry in view.entries if isinstance(entry, (ledger.Closed, ledger.Gap))]
        breaches += [ledger.Breach("I5", f"{entry}") for entry in lost + closed]
        if baseline:
            seen = witness.stop()
            phases = [times.get(name, []) for times in (latencies, seen) for name in ("baseline", "attack")]
            breaches += ledger.check_pace(*phases, FACTOR, FLOOR)
            for name in ("quiet", "baseline", "attack") if load else ("baseline", "attack"):
                figures[f"p99 {name}"] = f"{ledger.p99(latencies.get(name) or [0]) * 1e3:.1f} ms"
            figures["p99 witness"] = " → ".join(f"{ledger.p99(times or [0]) * 1e3:.1f}" for times in phases[2:]) + " ms"
        figures["RSS"] = f"{before.rss >> 20} → {after.rss >> 20} MiB"
        figures["fds"] = f"{before.descriptors} → {after.descriptors}"
        assert not breaches, "\n".join(f"{breach.invariant}: {breach.what}" for breach in breaches)
    finally:
        pair.end()
        if witness:
            witness.end()


@pytest.fixture
def bridge(tmp_path):
    """`rialto serve` with the bundled catalogue."""
    with bridges.running(["serve"], tmp_path) as bridge:
        yield bridge


@contextlib.contextmanager
def serving(tmp_path, *options, schema=None, **more):
    if schema:
        folder = tmp_path / "schema"
        for name, text in schema.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        options = ("--schema", folder, *options)
    with bridges.running(["serve", *map(str, options)], tmp_path, **more) as bridge:
        yield bridge


GUARDED = {"shop/v1/shop.proto": """syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message ProjectChannel {
  option (rialto.v1.channel) = { template: "project:{project_id}" permissions: { subscribe: "project:{project_id}:read" } };
  string project_id = 1;
}
message ProcessProgress {
  option (rialto.v1.event) = { type: "process.progress", channels: ["ProjectChannel"] };
  string project_id = 1;
  string process_id = 2;
  string message = 3;
}
message Said {
  option (rialto.v1.event) = { type: "said", channels: ["ProjectChannel"], from: FROM_CLIENT, route: ROUTE_HANDLER,
                               permissions: { send: "project:{project_id}:write" } };
  string project_id = 1;
  string text = 2;
}
"""}


@contextlib.contextmanager
def guarded(tmp_path, *options, **more):
    """A bridge that asks for tokens, of a schema with permissions; `bridge.mint` makes tokens."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    with serving(tmp_path, "--jwt-secret-file", secret, "--token-grace", "1s", *options, schema=GUARDED, **more) as bridge:

        def mint(user, *permissions, life="1h"):
            said = [argument for permission in permissions for argument in ("--permission", permission)]
            command = [bridges.PROGRAM, "token", "mint", "--secret-file", secret, "--sub", user, "--for", life, *said]
            done = subprocess.run(command, capture_output=True, text=True, timeout=bridges.PATIENCE, check=True)
            return done.stdout.strip()

        bridge.mint = mint
        yield bridge


def publish(bridge, kind, data, **more):
    """One event over HTTP: the status and the answer."""
    event = {"type": kind, "data": data, **more}
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return post(bridge, "/v1/publish", body)


def post(bridge, path, body):
    call = urllib.request.Request(f"{bridge.admin}{path}", body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(call, timeout=bridges.PATIENCE) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
