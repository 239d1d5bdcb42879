"""A program that runs beside an attack. It says `ready`, takes `phase NAME` and `stop` on its input, repeats each phase's name
once what comes counts for it, and answers at the end with one JSON."""

import json
import subprocess
import sys

from peer import PATIENCE


class Beside:
    def __init__(self, file, *arguments):
        command = [sys.executable, file, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", f"{file} did not start"

    def phase(self, name):
        """What is done from now on is counted under this name."""
        self.process.stdin.write(f"phase {name}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == f"{name}\n", f"{self.process.args[1]} has ended"

    def stop(self):
        """Gives its answer."""
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.read())
        self.process.wait(PATIENCE)
        return said

    def end(self):
        """Ends it, whatever it is doing."""
        self.process.kill()
        self.process.wait(PATIENCE)
