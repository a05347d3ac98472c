"""Running the command on a broker and a store of its own: in this process, or as one where signals and pipes matter."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from unittest.mock import patch

from headwater.cli import program

HEADWATER = [sys.executable, "-c", "import sys; from headwater.cli import main; sys.exit(main())"]
SECONDS = 30.0
COMPILED = {name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ}
"""What a process with an environment of its own still needs, in order to start quickly."""
Done = subprocess.CompletedProcess[str]
Running = subprocess.Popen[str]


class Cli:
    """The command on a broker and a store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.store = f"sqlite:///{folder}/store.db"
        self.broker = f"sqlite:///{folder}/topics.db"
        self.environment = {
            "HEADWATER_STORE": self.store, "HEADWATER_BROKER": self.broker, "PATH": "", "NO_COLOR": "1",
            **COMPILED,
        }  # fmt: skip

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0) -> Done:
        """In this process, with what a process of its own would be given; one at a time."""
        out, err = _text(), _text()
        with _one_at_a_time, ExitStack() as given:
            given.enter_context(patch.dict(os.environ, self.environment, clear=True))
            given.enter_context(_stdin(stdin.encode()))
            given.enter_context(redirect_stdout(out))
            given.enter_context(redirect_stderr(err))
            returned = _within(SECONDS, arguments)
        done = Done(arguments, returned, _written(out), _written(err))
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def json(self, *arguments: str, stdin: str = "") -> Any:
        return json.loads(self(*arguments, "--json", stdin=stdin).stdout)

    def lines(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self(*arguments, "--json").stdout.splitlines()]

    async def aside(self, *arguments: str, stdin: str = "", code: int = 0) -> Done:
        """While the event loop goes on working."""
        return await asyncio.to_thread(self, *arguments, stdin=stdin, code=code)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """The command as a process while it runs; it is killed behind the block if it still does."""
        pipe = subprocess.PIPE
        command = [*HEADWATER, *arguments]
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=self.environment, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()


_one_at_a_time = Lock()  # there is one stdin, one stdout and one environment


def _text() -> TextIOWrapper:
    return TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True)


def _written(text: TextIOWrapper) -> str:
    text.seek(0)
    return text.read()


@contextmanager
def _stdin(content: bytes) -> Iterator[None]:
    """A pipe with this in it and no more to come, as descriptor 0 and as sys.stdin."""
    before, (reader, writer) = os.dup(0), os.pipe()
    try:
        os.set_blocking(writer, False)
        assert os.write(writer, content) == len(content), "more than a pipe holds"
        os.close(writer)
        os.dup2(reader, 0)
        with open(0, encoding="utf-8", closefd=False) as stdin, patch.object(sys, "stdin", stdin):
            yield
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reader)


def _within(seconds: float, arguments: Sequence[str]) -> int:
    """The exit code of the command. Raises TimeoutError; what the command raises."""
    returned: Future[int] = Future()

    def run() -> None:
        try:
            returned.set_result(program.run(arguments))
        except BaseException as error:
            returned.set_exception(error)

    Thread(target=run, daemon=True).start()  # a daemon: one that hangs cannot be ended, and must not hold up pytest
    return returned.result(seconds)


def ended(process: Running) -> tuple[int, str]:
    """Its exit code and what it said on stderr, once it has ended by itself."""
    assert process.stderr
    return process.wait(SECONDS), process.stderr.read()


def values(records: Sequence[Any]) -> list[Any]:
    return [each.get("value", each.get("value_base64")) for each in records]
