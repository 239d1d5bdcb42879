"""The README's commands, executed as they are written.

A comment before a block says what it is:

    <!-- background: TEXT -->  a command that goes on; TEXT says that it is ready; the one before it is stopped
    <!-- run: TEXT -->         a command whose output must contain TEXT; it may go on, then it is ended
    <!-- refused: TEXT -->     a command that must fail, saying TEXT
    <!-- file: PATH -->        a file that the reader writes

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

from conftest import NODE_PACKAGES, PATIENCE, PROGRAM, ROOT

BLOCK = re.compile(r"<!-- (background|run|refused|file): (.+?) -->\n```\w+\n(.*?)```", re.DOTALL)


class Command:
    """A shell command whose output is read as it comes."""

    def __init__(self, text, folder):
        path = [str(PROGRAM.parent), str(NODE_PACKAGES / "node_modules" / ".bin"), str(pathlib.Path(sys.executable).parent)]
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


def test_the_commands_of_the_readme(tmp_path):
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    assert len(blocks) >= 10, "the README's blocks have lost their comments"
    for shown in ("proto", "examples"):
        shutil.copytree(ROOT / shown, tmp_path / shown)
    background = None
    try:
        for kind, expected, text in blocks:
            if kind == "file":
                path = tmp_path / expected
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                continue
            if kind == "background" and background:
                assert background.end() == 0, background.output
            command = Command(as_written(text), tmp_path)
            if kind == "background":
                background = command
            try:
                command.until(expected)
            finally:
                if kind != "background":
                    code = end_after(command, kind)
            if kind == "refused":
                assert code == 1, f"{text}\nended with {code}:\n{command.output}"
            print(f"$ {text}{command.output}")
    finally:
        if background:
            background.end()


def end_after(command, kind):
    """The exit code of a command that ends by itself; one that goes on is ended and counts as done."""
    if kind == "refused":
        return command.process.wait(PATIENCE)
    try:
        code = command.process.wait(1)
    except subprocess.TimeoutExpired:
        command.end()
        return 0
    assert code == 0, f"{command.text}\nended with {code}:\n{command.output}"
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


def test_the_python_example_in_the_readme_is_the_one_in_examples():
    example = (ROOT / "examples" / "publishers" / "python" / "publish.py").read_text()
    assert f"```python\n{example}```" in (ROOT / "README.md").read_text()
