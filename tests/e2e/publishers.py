"""The publishers of examples/publishers, built and started by the commands of their READMEs.

They are built in a copy below target/tools, where everything stays that can be used again. A comment before a block of a
README says what it is: `<!-- build -->` or `<!-- run -->`.
"""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import warnings

import pytest
from conftest import NODE_PACKAGES, PATIENCE, ROOT, TARGET

TREE = TARGET / "tools" / "publishers"
EXAMPLES = pathlib.Path("examples", "publishers")
LANGUAGES = {
    "python": ["python"],
    "node": ["node", "npm"],
    "go": ["go", "buf"],
    "java": ["java", "mvn"],
    "rust": ["cargo"],
    "curl": ["curl"],
}
"""Each with the programs that it needs."""
BUILD_PATIENCE = 600.0
"""Seconds: the first time, compilers and packages are fetched."""
BLOCK = re.compile(r"<!-- (build|run) -->\n```sh\n(.*?)```", re.DOTALL)
ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join(
        [str(pathlib.Path(sys.executable).parent), str(NODE_PACKAGES / "node_modules" / ".bin"), os.environ["PATH"]]
    ),
    "CARGO_TERM_COLOR": "never",
    "MAVEN_OPTS": "-Dorg.slf4j.simpleLogger.log.org.apache.maven.cli.transfer=warn",
}


def not_run(why):
    """What cannot be tried is told, and is a failure where nobody reads along."""
    if os.environ.get("CI"):
        pytest.fail(f"NOT RUN: {why}")
    warnings.warn(f"NOT RUN: {why}", stacklevel=2)
    pytest.skip(f"NOT RUN: {why}")


class Publisher:
    """One language's publisher, built."""

    def __init__(self, language):
        self.language = language
        missing = [name for name in LANGUAGES[language] if not shutil.which(name, path=ENVIRONMENT["PATH"])]
        if missing:
            not_run(f"the {language} publisher, as there is no {' and no '.join(missing)}")
        self.folder = TREE / EXAMPLES / language
        blocks = dict(BLOCK.findall((ROOT / EXAMPLES / language / "README.md").read_text()))
        self.command = blocks["run"]
        self._build(blocks.get("build", "true"))

    def _build(self, commands):
        """Builds anew when a file has changed."""
        own = [*tracked(ROOT / EXAMPLES / self.language), ROOT / EXAMPLES / "step.json"]
        sources = [*(ROOT / "proto").rglob("*.proto"), *own]
        digest = hashlib.sha256(commands.encode())
        for path in sorted(sources):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
        stamp = TREE / f"{self.language}.stamp"
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        shutil.rmtree(TREE / "proto", ignore_errors=True)
        for path in sources:
            copy = TREE / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        built = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BUILD_PATIENCE,
            text=True,
        )
        assert built.returncode == 0, f"{commands}\n{built.stdout}"
        stamp.write_text(digest.hexdigest())

    @property
    def port(self):
        """The bridge's port that it publishes to."""
        return "admin" if self.language == "curl" else "grpc"

    def start(self, bridge, folder, count, *more, address=None):
        """Runs the README's command with options of our own."""
        address = address or bridge.addresses[self.port]
        options = " ".join(["--address", address, "--count", str(count), *more])
        command, changed = re.subn(r"--count \d+", options, self.command)
        assert changed == 1, self.command
        return Running(command, self.folder, folder / f"{self.language}.log")


class Running:
    """A publisher under way."""

    def __init__(self, command, folder, log):
        self.log = log
        with open(log, "w") as output:
            self.process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=folder,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def summary(self):
        """Waits for its end; what it counted."""
        try:
            # A process a publish, on a slow machine: longer than any one answer takes.
            code = self.process.wait(4 * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still under way:\n{self.log.read_text()}") from None
        said = self.log.read_text()
        assert code == 0, f"ended with {code}:\n{said}"
        summary = re.search(r"^acked .*$", said, re.MULTILINE)
        assert summary, said
        counts = re.findall(r"([a-z ]+) (\d+)", summary[0])
        return {name.strip(): int(number) for name, number in counts}


def tracked(folder):
    """The files of a folder without what is written for people, installed or generated."""
    left_out = {"gen", "node_modules", "target", "__pycache__", ".venv"}
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".md" and not left_out & set(path.relative_to(folder).parts):
            yield path
