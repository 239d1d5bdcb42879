"""The demo page in a real browser."""

import os
import shutil
import subprocess

from conftest import NODE_PACKAGES, ROOT, TARGET


def test_the_demo_page_in_chromium(demo):
    screenshots = TARGET / "screenshots"
    screenshots.mkdir(exist_ok=True)
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: make tools installs it"
    script = ROOT / "tests" / "e2e" / "page.mjs"
    done = subprocess.run(
        ["node", script, f"{demo.http}/", chromium, NODE_PACKAGES, screenshots],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{demo.said()}"
    assert (screenshots / "wide-light.png").stat().st_size > 10_000
