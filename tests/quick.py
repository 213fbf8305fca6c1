"""`python -m harness` without its imports: commands are forked from a process that has torch and the rest at hand.

Their workers are forked from one server, which has imported what they need. What a command does is the same; that it
finds its own imports is seen where DVC runs it (tests/end_to_end).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER = """
import importlib, json, os, pkgutil, sys, traceback
from multiprocessing import forkserver

from harness.engines.local import start_server

start_server()
import mlflow
import harness.cli, harness.commands, harness.engines.preload

# What the commands import when they are called.
for package in ("harness.campaign", "harness.training", "harness.report", "harness.analysis", "harness.tracking"):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(module.name)
# It runs, but is no child of the commands, and so can't be asked whether it does.
forkserver.ensure_running = forkserver._forkserver.ensure_running = lambda: None
for line in sys.stdin:
    folder, arguments, out, error = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.chdir(folder)
            for number, path in ((1, out), (2, error)):
                os.dup2(os.open(path, os.O_WRONLY), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.argv = ["harness", *arguments]
            sys.path[0] = folder
            harness.cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # as nothing but the command was to be done
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Server:
    """A process that forks commands; it ends with the one that started it, whose end of the pipe closes then."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return what `python -m harness` with these arguments says in `folder`."""
        with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as error:
            assert self.process.stdin and self.process.stdout
            self.process.stdin.write(json.dumps([os.fspath(folder), arguments, out.name, error.name]) + "\n")
            self.process.stdin.flush()
            code = int(self.process.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, out.read(), error.read())
