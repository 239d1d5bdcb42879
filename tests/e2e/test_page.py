"""The demo page in a real browser."""

import contextlib
import os
import shutil
import socket
import subprocess

from conftest import NODE_PACKAGES, PATIENCE, ROOT, TARGET, eventually, running

SCREENSHOTS = TARGET / "screenshots"


def node(script, url):
    SCREENSHOTS.mkdir(exist_ok=True)
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: make tools installs it"
    return subprocess.Popen(
        ["node", ROOT / "tests" / "e2e" / script, url, chromium, NODE_PACKAGES, SCREENSHOTS],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )


def end(process):
    """What the script said, once it has ended well."""
    try:
        said = process.communicate(timeout=10 * PATIENCE)[0]
    finally:
        process.kill()
    assert process.returncode == 0, said


def test_the_demo_page_in_chromium(demo):
    end(node("page.mjs", f"{demo.http}/"))
    assert (SCREENSHOTS / "wide-light.png").stat().st_size > 10_000
    # The demo does not warn of what it set up itself, whatever was cut, slowed down and published meanwhile.
    assert "WARN" not in demo.said(), demo.said()


HEAD = """syntax = "proto3";
package thing.v1;
import "google/protobuf/duration.proto";
import "rialto/v1/options.proto";
message ThingChannel { option (rialto.v1.channel) = { template: "thing:{name}" }; string name = 1; }
"""
MADE = """enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; }
message Part { string of = 1; }
message Made {
  option (rialto.v1.event) = { type: "thing.made", channels: ["ThingChannel"] };
  string name = 1;
  bytes seal = 2;
  int64 size = 3;
  int64 rank = 4 [jstype = JS_NUMBER];
  map<int32, int64> weights = 5;
  oneof what {
    Colour colour = 6;
    int64 count = 7;
    double plain = 8;
    string words = 9;
    google.protobuf.Duration pause = 10;
    Part part = 11;
  }
}
"""
LOST = """message Lost {
  option (rialto.v1.event) = { type: "thing.lost", channels: ["ThingChannel"] };
  string name = 1;
}
"""


def test_the_page_of_a_schema_of_your_own_follows_its_changes(tmp_path):
    schema = tmp_path / "schema"
    schema.mkdir()
    (schema / "thing.proto").write_text(HEAD + MADE)
    with running(["dev", schema, "--page"], tmp_path) as bridge:
        page = node("follow.mjs", f"{bridge.http}/")
        line = page.stdout.readline()
        assert line == "looking\n", line + page.stdout.read()
        (schema / "thing.proto").write_text(HEAD + MADE + LOST)
        end(page)


def test_a_connection_that_never_says_anything_is_not_worth_a_line(tmp_path):
    def told_after(bridge, said):
        """Whether the bridge has told of it once it has ended a connection that said this and no more."""
        with socket.create_connection(bridge.addresses["listen"].rsplit(":", 1), timeout=PATIENCE) as silent:
            # It may have been ended before anything was said.
            with contextlib.suppress(ConnectionError):
                silent.sendall(said)
                while silent.recv(4096):
                    pass
        return "handshake-timeout" in bridge.said()

    # Long enough for the demo's own connections on a slow machine.
    with running(["demo", "--handshake-timeout", "1s"], tmp_path) as bridge:
        assert not told_after(bridge, b"")
        assert not told_after(bridge, b"GET /demo/icon.svg HTTP/1.1\r\nhost: localhost\r\n\r\n")
        # Again, where it was ended before it had said that much.
        eventually(lambda: told_after(bridge, b"GET /"), "a line about half a request")


def test_the_page_comes_back_to_a_restarted_bridge_and_says_that_logs_are_new(tmp_path):
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    with running(["demo"], tmp_path / "before") as bridge:
        page = node("restart.mjs", f"{bridge.http}/")
        line = page.stdout.readline()
        assert line == "looking\n", line + page.stdout.read()
    with running(["demo"], tmp_path / "after", listen=bridge.addresses["listen"]):
        end(page)
