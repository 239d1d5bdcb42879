"""The TypeScript that `rialto generate typescript` writes, and its runtime."""

import subprocess

from conftest import PROGRAM, ROOT

CLIENT = ROOT / "clients" / "typescript"


def node(*arguments, **more):
    """Runs a script of the client with Node and expects it to succeed."""
    done = subprocess.run(["node", *arguments], cwd=CLIENT, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_demo_pages_client_is_current():
    node("scripts/page.mjs", PROGRAM, "--check")
