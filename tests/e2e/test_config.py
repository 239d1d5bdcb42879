"""`rialto config`, and configuration files."""

import json
import os
import subprocess

from conftest import PATIENCE, PROGRAM, running


def config(*arguments, environment=None, command="config"):
    return subprocess.run(
        [PROGRAM, command, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **(environment or {})},
    )


def entries(*arguments, **more):
    done = config("--json", *arguments, **more)
    assert done.returncode == 0, done.stderr
    return {entry["key"]: entry for entry in json.loads(done.stdout)}


def test_each_key_says_its_value_its_meaning_its_unit_and_where_it_came_from(tmp_path):
    path = tmp_path / "rialto.toml"
    path.write_text('# mine\nping-interval = "20s"\nmax-subscriptions = 7\nallowed-origin = ["https://a.example"]\n')
    environment = {"RIALTO_CONFIG": str(path), "RIALTO_MAX_SUBSCRIPTIONS": "8", "RIALTO_PONG_TIMEOUT": "2s"}
    found = entries("--pong-timeout", "1500ms", environment=environment)
    said = {key: (entry["value"], entry["from"]) for key, entry in found.items() if entry["from"] != "default"}
    assert said == {
        "config": (str(path), "RIALTO_CONFIG"),
        "ping-interval": ("20s", f"{path}:2"),
        "max-subscriptions": ("8", "RIALTO_MAX_SUBSCRIPTIONS"),
        "allowed-origin": (["https://a.example"], f"{path}:4"),
        "pong-timeout": ("1500ms", "--pong-timeout"),
    }
    assert all(entry["help"] and entry["unit"] for entry in found.values())
    assert sorted(entries("--said", "--pong-timeout", "1500ms", environment=environment)) == sorted(said)
    text = config(environment=environment).stdout
    assert f"ping-interval = 20s  from {path}:2" in text and "pinged" in text and "\x1b" not in text


def test_what_is_printed_as_a_file_loads_again(tmp_path):
    said = ["--drain-timeout", "45s", "--insecure", "--allowed-host", "a.example", "--max-event-bytes", "2MiB"]
    path = tmp_path / "rialto.toml"
    path.write_text(config("--toml", *said).stdout)
    values = lambda found: {key: entry["value"] for key, entry in found.items() if key != "config"}  # noqa: E731
    assert values(entries("--config", path)) == values(entries(*said))
    # Every line of it is right, also those that are comments now.
    lines = [line.removeprefix("# ") for line in path.read_text().splitlines()]
    # Except those that name a key: their examples are of files that are not there.
    guards = ("jwt-", "jwks-", "token-cookie", "session-token", "publishers", "admin-token-file", "require-tenant")
    guards += ("tls-cert", "tls-key", "grpc-tls-", "grpc-client-", "admin-client-")
    lines = [line for line in lines if not line.startswith(guards)]
    path.write_text("\n".join(line for line in lines if " = " in line and "://" not in line.split(" = ")[0]))
    assert config("--config", path, "--said").returncode == 0


def test_all_mistakes_of_a_file_come_at_once_with_their_lines(tmp_path):
    path = tmp_path / "rialto.toml"
    path.write_text('listen = 8080\n\nmax_conections = 5\n[limits]\nx = 1\n')
    done = config("--config", path, command="serve", environment={"RIALTO_PING": "1s"})
    assert done.returncode == 2
    assert f'{path}:1: listen: "8080" is not an IP address with a port' in done.stderr
    assert f"{path}:3: max_conections: no such key; the nearest one is max-connections" in done.stderr
    assert f"{path}:4: limits: is a table" in done.stderr
    assert "RIALTO_PING: no such variable; the nearest one is RIALTO_PING_INTERVAL" in done.stderr
    assert "4 mistakes" in done.stderr
    done = config("--config", tmp_path / "nothing.toml")
    assert done.returncode == 2 and "nothing.toml: cannot be read" in done.stderr
    path.write_text("listen = \n")
    done = config("--config", path)
    assert done.returncode == 2 and f"{path}:1: is not TOML" in done.stderr


def test_a_bridge_runs_from_a_file(tmp_path):
    path = tmp_path / "rialto.toml"
    path.write_text('schema-policy = "refuse"\nmax-subscriptions = 3\n')
    with running(["serve", "--config", path], tmp_path) as bridge:
        assert bridge.addresses["listen"]


def test_a_file_that_is_not_named_is_not_read(tmp_path):
    (tmp_path / "rialto.toml").write_text("this is no configuration")
    done = subprocess.run([PROGRAM, "config"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
