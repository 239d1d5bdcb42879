"""A schema in editions 2023 and 2024 and proto2, built by Buf from its files, from the command line to a subscriber."""

import json
import re
import shutil
import subprocess
import urllib.request

import pytest
from conftest import NODE_PACKAGES, PATIENCE, PROGRAM, ROOT, running
from test_clients import Subscriber

FILES = ROOT / "tests" / "vectors" / "editions"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds a descriptor set from the files and Rialto's own, with more options for Buf."""
    root = tmp_path_factory.mktemp("editions")
    shutil.copytree(ROOT / "proto", root, dirs_exist_ok=True)
    shutil.copytree(FILES / "shop", root / "shop")

    def build(name, *options):
        command = [NODE_PACKAGES / "node_modules/.bin/buf", "build", ".", "--path", "shop", "-o", name, *options]
        subprocess.run(command, cwd=root, check=True)
        return root / name

    return build


def test_the_committed_set_is_what_buf_builds(build):
    options = ["--as-file-descriptor-set", "--exclude-imports", "--exclude-source-info"]
    built = build("set.binpb", *options).read_bytes()
    assert built == (FILES / "set.binpb").read_bytes(), f"build {FILES}/set.binpb anew: {' '.join(options)}"


def test_a_set_and_an_image_are_checked_alike(build):
    said = set()
    for path in [build("whole.binpb", "--as-file-descriptor-set"), build("image.binpb"), FILES / "set.binpb"]:
        command = [PROGRAM, "check", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        # Behind the summary are warnings: there are more of them, and with lines, where the set has comments and places.
        summary, fingerprint, _ = re.split("(\nfingerprint .*\n)", done.stdout)
        said.add(summary + fingerprint)
    assert len(said) == 1 and "order.placed" in said.pop()


def test_an_event_of_an_edition_reaches_a_subscriber(build, tmp_path):
    with running(["serve", "--schema", str(build("served.binpb"))], tmp_path) as bridge:
        with Subscriber(bridge, [{"name": "order:c-1:TIER_GOLD"}]) as subscriber:
            subscriber.of("order:c-1:TIER_GOLD")
            order = {
                "customer": {"id": "c-1", "tier": "TIER_BASIC", "[shop.v1.nick_name]": "Zoë", "pastTiers": ["TIER_GOLD"]},
                "tier": "TIER_GOLD",
                "lines": [{"sku": "s-1", "count": 3}],
                "bySku": {"s-1": {"sku": "s-1"}},
                "sizes": [1, 2],
                "total": "9007199254740993",
                "card": "",
            }
            body = json.dumps({"type": "order.placed", "data": order}).encode()
            request = urllib.request.Request(f"{bridge.admin}/v1/publish", body, {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                assert response.status == 200
            assert subscriber.of("order:c-1:TIER_GOLD")["data"] == order
