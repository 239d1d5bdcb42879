"""A real bridge for each test that asks for one, and what foreign clients need to talk to it.

The clients here share no code with the bridge: their stubs are generated from proto/ by grpcio-tools.
"""

import contextlib
import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
PROGRAM = TARGET / os.environ.get("PROFILE", "debug") / "rialto"
NODE_PACKAGES = TARGET / "tools" / "node"
PATIENCE = float(os.environ.get("PATIENCE_SECONDS", "30"))


def eventually(condition, what):
    """The condition's value as soon as it is true."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {PATIENCE:g} s")


class Bridge:
    """A running bridge and its addresses."""

    def __init__(self, command, folder, environment=None, program=PROGRAM, listen="127.0.0.1:0", addresses=None):
        """`addresses` are those of an earlier bridge, to start anew in its place."""
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        wanted = {"grpc": "127.0.0.1:0", "admin": "127.0.0.1:0", "listen": listen, **(addresses or {})}
        free = [argument for name in ("listen", "grpc", "admin") for argument in (f"--{name}", wanted[name])]
        self.log = open(folder / "bridge.log", "w+")
        self.process = subprocess.Popen(
            [program, *command, *free, "--ready-file", ready],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **(environment or {})},
        )
        eventually(lambda: ready.exists() or self.process.poll() is not None, "the bridge's ready file")
        if self.process.poll() is not None:
            raise AssertionError(f"the bridge ended with {self.process.returncode}:\n{self.said()}")
        self.addresses = json.loads(ready.read_text())

    @property
    def http(self):
        return f"http://{self.addresses['listen']}"

    @property
    def websocket(self):
        return f"ws://{self.addresses['listen']}/ws"

    @property
    def grpc(self):
        return self.addresses["grpc"]

    @property
    def admin(self):
        return f"http://{self.addresses['admin']}"

    def said(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()

    def stop(self):
        """Asks the bridge to stop, and expects it to do so in peace."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the bridge did not stop:\n{self.said()}") from None
        finally:
            self.log.close()
        assert code == 0, f"the bridge ended with {code}"


@contextlib.contextmanager
def running(command, folder, **more):
    bridge = Bridge(command, folder, **more)
    try:
        yield bridge
    finally:
        bridge.stop()


@pytest.fixture
def bridge(tmp_path):
    """`rialto serve` with the bundled catalogue."""
    with running(["serve"], tmp_path) as bridge:
        yield bridge


@pytest.fixture
def small_bridge(tmp_path):
    """A bridge whose logs keep little, so that a reader can fall off."""
    limits = ["--max-channel-bytes", "64KiB"]
    with running(["serve", *limits], tmp_path) as bridge:
        yield bridge


@pytest.fixture
def demo(tmp_path):
    """`rialto demo`."""
    with running(["demo"], tmp_path) as bridge:
        yield bridge


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    """Python's own types and stubs of the contract and the bundled catalogue."""
    out = tmp_path_factory.mktemp("stubs")
    files = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto"))
    arguments = ["-Iproto", f"--python_out={out}", f"--grpc_python_out={out}", *files]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], cwd=ROOT, check=True)
    sys.path.insert(0, str(out))

    class Stubs:
        publisher = importlib.import_module("rialto.v1.publisher_pb2")
        services = importlib.import_module("rialto.v1.publisher_pb2_grpc")
        project = importlib.import_module("project.v1.project_pb2")
        error_details = importlib.import_module("google.rpc.error_details_pb2")
        status = importlib.import_module("google.rpc.status_pb2")

    return Stubs
