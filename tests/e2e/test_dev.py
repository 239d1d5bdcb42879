"""`rialto dev`: a bridge that follows a schema while it is written."""

import json
import shutil
import signal
import subprocess

import pytest
from conftest import PATIENCE, PROGRAM, eventually, running
from test_clients import Subscriber
from test_reload import CHANNEL, FIRST, HEAD, SECOND, Shop, event


@pytest.fixture
def dev(tmp_path):
    schema = tmp_path / "schema"
    schema.mkdir()
    path = schema / "shop.proto"
    path.write_text(FIRST)
    out = tmp_path / "events"
    with running(["dev", schema, "--typescript", out], tmp_path) as bridge:
        shop = Shop(bridge, path)
        shop.out = out
        yield shop


def test_a_change_is_served_and_the_client_generated_anew(dev, stubs):
    before = {path.name: path.read_text() for path in dev.out.glob("*.ts")}
    assert any("order.placed" in text for text in before.values())
    with Subscriber(dev.bridge, [{"name": "order:é"}]) as subscriber:
        assert subscriber.of("order:é")["type"] == "channel.subscribed"
        dev.path.write_text(SECOND)
        eventually(lambda: "revision 2 is served" in dev.bridge.said(), "the new revision")
        dev.publish(stubs, "order.shipped", "new")
        assert subscriber.of("order:é")["type"] == "order.shipped"
    eventually(lambda: any("order.shipped" in path.read_text() for path in dev.out.glob("*.ts")), "the new client")


def test_a_broken_schema_is_listed_as_check_lists_it_and_the_old_one_stays(dev, stubs):
    dev.path.write_text(FIRST + event("Again", "order.placed"))
    eventually(lambda: "1 mistake in the schema" in dev.bridge.said(), "the mistake")
    checked = subprocess.run([PROGRAM, "check", dev.path.parent], capture_output=True, text=True, timeout=PATIENCE)
    assert f"{dev.path}:14:" in checked.stdout and checked.stdout in dev.bridge.said()
    dev.publish(stubs, "order.placed", "as before")
    dev.path.write_text(SECOND)
    eventually(lambda: "revision 2 is served" in dev.bridge.said(), "the corrected schema")


def test_what_others_ask_to_reload_is_told_too(dev):
    dev.hang_up()
    dev.path.write_text(SECOND)
    status, answer = dev.call("ReloadSchema", {})
    assert (status, answer["revision"]) == (200, 2), answer
    eventually(lambda: "revision 2 is served" in dev.bridge.said(), "the new revision")
    eventually(lambda: any("order.shipped" in path.read_text() for path in dev.out.glob("*.ts")), "the new client")


def test_what_breaks_is_told_and_served(dev):
    with Subscriber(dev.bridge, [{"name": "order:é", "types": ["order.placed"]}]) as subscriber:
        assert subscriber.of("order:é")["type"] == "channel.subscribed"
        dev.path.write_text(HEAD + CHANNEL + event("Shipped", "order.shipped"))
        assert subscriber.of("order:é")["data"]["reason"] == "schema_changed"
    eventually(lambda: "revision 2 is served" in dev.bridge.said(), "the new revision")
    assert "[event-removed]" in dev.bridge.said() and "1 subscription ended" in dev.bridge.said()


def test_it_ends_when_nobody_reads_what_it_says(tmp_path):
    path = tmp_path / "schema" / "shop.proto"
    path.parent.mkdir()
    path.write_text(FIRST)
    ports = [argument for flag in ["--listen", "--grpc", "--admin"] for argument in (flag, "127.0.0.1:0")]
    command = [PROGRAM, "dev", path.parent, *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert "Rialto follows" in process.stdout.readline()
            process.stdout.close()
            path.write_text(SECOND)
            assert process.wait(PATIENCE) == 0, process.stderr.read()
        finally:
            process.kill()


def test_it_waits_for_a_schema_without_mistakes(tmp_path):
    schema, ready, log = tmp_path / "schema", tmp_path / "ready.json", tmp_path / "log"
    schema.mkdir()
    (schema / "shop.proto").write_text(FIRST + "message {")
    free = [argument for port in ("listen", "grpc", "admin") for argument in (f"--{port}", "127.0.0.1:0")]
    with open(log, "w") as out:
        command = [PROGRAM, "dev", schema, *free, "--ready-file", ready]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        eventually(lambda: "Waiting for a schema" in log.read_text(), "what it waits for")
        assert "shop.proto:" in log.read_text() and not ready.exists()
        # As editors do: a new file in the place of the old one.
        (schema / "new").write_text(FIRST)
        (schema / "new").rename(schema / "shop.proto")
        eventually(ready.exists, "the bridge")
        assert set(json.loads(ready.read_text())) >= {"listen", "grpc", "admin"}
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_mistake_that_is_taken_back_is_told_to_be_gone(dev):
    dev.path.write_text(FIRST + "message {")
    eventually(lambda: "in the schema" in dev.bridge.said(), "the mistake")
    dev.path.write_text(FIRST)
    eventually(lambda: "ok: nothing is wrong any more; revision 1 is served as before" in dev.bridge.said(), "the ok")


def test_a_folder_that_is_replaced_is_followed(dev):
    schema = dev.path.parent
    others = []
    for number, text in enumerate([SECOND, FIRST, SECOND]):
        other = schema.parent / f"other{number}"
        other.mkdir()
        (other / "shop.proto").write_text(text)
        others.append(other)
    # At once, as `rm -rf schema; cp -r other schema` does.
    shutil.rmtree(schema)
    shutil.copytree(others[0], schema)
    eventually(lambda: "revision 2 is served" in dev.bridge.said(), "the copy")
    # Moved away, and back after a while.
    schema.rename(schema.parent / "old")
    eventually(lambda: f"{schema} is gone" in dev.bridge.said(), "that it is gone")
    (schema.parent / "old" / "shop.proto").write_text(FIRST)
    shutil.copytree(others[1], schema)
    eventually(lambda: "revision 3 is served" in dev.bridge.said(), "the folder that is back")
    assert dev.bridge.said().count(f"{schema} is gone") == 1 and f"{schema} is back" in dev.bridge.said()
    # And it is still followed.
    dev.path.write_text(SECOND)
    eventually(lambda: "revision 4 is served" in dev.bridge.said(), "a change in it")


def test_a_folder_that_comes_back_as_it_was_is_told(dev):
    schema = dev.path.parent
    schema.rename(schema.parent / "old")
    eventually(lambda: f"{schema} is gone" in dev.bridge.said(), "that it is gone")
    (schema.parent / "old").rename(schema)
    eventually(lambda: "ok: nothing is wrong any more; revision 1" in dev.bridge.said(), "the ok")
    dev.path.write_text(SECOND)
    eventually(lambda: "revision 2 is served" in dev.bridge.said(), "a change in it")


def test_links_are_followed_to_where_they_lead(tmp_path):
    for name, text in (("one", FIRST), ("two", SECOND)):
        (tmp_path / name / "proto").mkdir(parents=True)
        (tmp_path / name / "proto" / "shop.proto").write_text(text)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "more.proto").write_text(HEAD)
    (tmp_path / "two" / "proto" / "more").symlink_to(elsewhere)
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "one")
    with running(["dev", current / "proto"], tmp_path) as bridge:
        (tmp_path / "new").symlink_to(tmp_path / "two")
        (tmp_path / "new").rename(current)
        eventually(lambda: "revision 2 is served" in bridge.said(), "where the link leads now")
        # As editors do, in a folder that is linked from the schema.
        (elsewhere / "saved").write_text(HEAD + event("More", "order.more"))
        (elsewhere / "saved").rename(elsewhere / "more.proto")
        eventually(lambda: "revision 3 is served" in bridge.said(), "the file behind a link")


COMMENT = "// What it means.\nmessage Placed"
CLASH = """syntax = "proto3";
package other.v1;
import "rialto/v1/options.proto";
message Placed {
  option (rialto.v1.event) = { type: "other.placed" };
}
"""


def test_a_change_of_comments_alone_is_written_into_the_client(dev):
    assert "message Placed" in FIRST
    dev.path.write_text(FIRST.replace("message Placed", COMMENT))
    eventually(lambda: any("What it means." in path.read_text() for path in dev.out.glob("*.ts")), "the comment")
    assert "revision 2" not in dev.bridge.said()


def test_a_client_that_cannot_be_generated_keeps_nothing_from_being_served(tmp_path, stubs):
    schema, other, out = tmp_path / "schema", tmp_path / "other", tmp_path / "events"
    for folder, text in [(schema, FIRST), (other, CLASH)]:
        folder.mkdir()
        (folder / f"{folder.name}.proto").write_text(text)
    arguments = ["dev", schema, "--schema", other, "--typescript", out]
    with running(arguments, tmp_path) as bridge:
        assert "would be exported twice" in bridge.said() and not list(out.glob("*.ts"))
        Shop(bridge, schema / "schema.proto").publish(stubs, "order.placed", "served")
    with running([*arguments, "--alias", "other.v1.Placed=OtherPlaced"], tmp_path) as bridge:
        # What --schema names is followed and generated, too.
        assert any("OtherPlaced" in path.read_text() for path in out.glob("*.ts"))
        (other / "other.proto").write_text(CLASH.replace("other.placed", "other.made"))
        eventually(lambda: any("other.made" in path.read_text() for path in out.glob("*.ts")), "the new client")
        assert "revision 2 is served" in bridge.said()
