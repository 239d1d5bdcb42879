"""The commands of the README and of docs/, executed as they are written.

A comment before a block says what it is:

    <!-- background: TEXT -->  a command that goes on; TEXT says that it is ready; the one before it is stopped
    <!-- beside: TEXT -->      the same, and the one before it goes on too
    <!-- run: TEXT -->         a command that ends well, and whose output must contain TEXT
    <!-- follow: TEXT -->      a command that goes on; once its output contains TEXT it is ended
    <!-- refused: TEXT -->     a command that must fail, saying TEXT
    <!-- file: PATH -->        a file that the reader writes
    <!-- not run: WHY -->      a command that is only to be read

And on its own, where the reader opens a page:

    <!-- browser: URL | TEXT -->   the page must come to contain TEXT

The commands name the usual ports, so these must be free.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

from conftest import NODE_PACKAGES, PATIENCE, PROGRAM, ROOT, TARGET

BLOCK = re.compile(
    r"<!-- (browser): ([^\n]+?) -->()|<!-- (background|beside|run|follow|refused|file|not run): ([^\n]+?) -->\n```\w+\n(.*?)```", re.DOTALL
)
PAGES = ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md")))]


class Command:
    """A shell command whose output is read as it comes."""

    def __init__(self, text, folder):
        tools = [PROGRAM.parent, NODE_PACKAGES / "node_modules" / ".bin", pathlib.Path(sys.executable).parent, TARGET / "tools" / "bin"]
        path = [str(folder) for folder in tools]
        self.text = text
        self.output = ""
        self.process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=folder,
            stdin=subprocess.PIPE,  # stays open: a reader at a terminal types nothing
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PATH": ":".join([*path, os.environ["PATH"]]), "PYTHONUNBUFFERED": "1"},
        )

    def until(self, expected):
        """Reads until the output contains the text, or ends."""
        deadline = time.monotonic() + PATIENCE
        pipe = self.process.stdout.fileno()
        while expected not in self.output:
            ready, _, _ = select.select([pipe], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{self.text}\nsaid nothing of {expected!r} within {PATIENCE:g} s:\n{self.output}"
            chunk = os.read(pipe, 65536)
            if not chunk:
                break
            self.output += chunk.decode(errors="replace")
        assert expected in self.output, f"{self.text}\nsaid nothing of {expected!r}:\n{self.output}"

    def end(self):
        """Presses Ctrl-C where the command goes on, as a reader would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        # Its output is read to the end, or a full pipe would keep it.
        self.output += self.process.communicate(timeout=PATIENCE)[0].decode(errors="replace")
        return self.process.returncode


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page(page, tmp_path):
    text = (ROOT / page).read_text()
    blocks = [tuple(part for part in found if part) for found in BLOCK.findall(text)]
    commands = [block for block in blocks if block[0] not in ("browser", "file")]
    marked = text.count("```sh\n") - (1 if page == "README.md" else 0)  # `make test` runs this
    assert len(commands) == marked, f"{page}: {marked} commands, {len(commands)} of them say what they are"
    going_on = []
    try:
        for kind, expected, *command in blocks:
            if kind == "not run":
                continue
            if kind == "browser":
                look(*expected.split(" | "))
                continue
            (text,) = command
            if kind == "file":
                path = tmp_path / expected
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                continue
            if kind == "background":
                end_all(going_on)
            command = Command(as_written(text), tmp_path)
            if kind in ("background", "beside"):
                going_on.append(command)
            try:
                command.until(expected)
            finally:
                if kind not in ("background", "beside"):
                    code = end_after(command, kind)
            if kind == "refused":
                assert code == 1, f"{text}\nended with {code}:\n{command.output}"
            print(f"$ {text}{command.output}")
    finally:
        for command in going_on:
            command.end()


def end_all(commands):
    """Presses Ctrl-C everywhere, the latest first."""
    while commands:
        command = commands.pop()
        assert command.end() in (0, 130, -signal.SIGINT), command.output


def look(url, expected):
    """Opens a page in Chromium and waits for a text."""
    browser = [shutil.which("chromium"), NODE_PACKAGES, TARGET / "screenshots"]
    command = ["node", ROOT / "tests" / "e2e" / "look.mjs", url, expected, *browser]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10 * PATIENCE)
    assert done.returncode == 0, f"{url}: {done.stdout}{done.stderr}"


def end_after(command, kind):
    """The exit code of a command that ends by itself. One that goes on is ended; how it takes that is its own affair."""
    if kind == "follow":
        ended = command.process.poll()
        command.end()
        assert ended is None, f"{command.text}\nended with {ended} and should go on:\n{command.output}"
        return 0
    try:
        command.output += command.process.communicate(timeout=PATIENCE)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        command.end()
        raise AssertionError(f"{command.text}\ndid not end within {PATIENCE:g} s:\n{command.output}") from None
    code = command.process.returncode
    assert kind == "refused" or code == 0, f"{command.text}\nended with {code}:\n{command.output}"
    return code


def as_written(text):
    """The command itself; `make run` without building a second time for release."""
    if text.strip() != "make run":
        return text
    # Not as part of the make that runs the tests, which would say so.
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    dry = ["make", "-n", "run"]
    recipe = subprocess.run(dry, cwd=ROOT, env=own, capture_output=True, text=True, check=True).stdout
    assert recipe.strip() == "cargo run --release -- demo"
    return "rialto demo"
