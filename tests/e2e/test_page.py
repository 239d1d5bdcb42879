"""The demo page in a real browser."""

import os
import shutil
import subprocess

from conftest import NODE_PACKAGES, PATIENCE, ROOT, TARGET, running

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


def test_the_page_comes_back_to_a_restarted_bridge_and_says_that_logs_are_new(tmp_path):
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    with running(["demo"], tmp_path / "before") as bridge:
        page = node("restart.mjs", f"{bridge.http}/")
        assert page.stdout.readline() == "looking\n", page.communicate(timeout=PATIENCE)
    with running(["demo"], tmp_path / "after", listen=bridge.addresses["listen"]):
        end(page)
