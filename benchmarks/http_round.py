"""Makes a contender of an HTTP server: each round starts it fresh, drives it by `load.py`, and ends it.

python -m benchmarks.http_round SERVER_PYTHON SERVER_MODULE --dir DIR [--quick]
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.contender import play


def load(port: str, path: str, seconds: float) -> float:
    """In a process of its own, as a client would be."""
    command = [sys.executable, "-m", "benchmarks.load", port, path, "--seconds", str(seconds)]
    return float(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["value"])


def run(command: list[str], directory: Path, seconds: float) -> float:
    with subprocess.Popen([*command, str(directory)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline().split()
            if line[:1] != ["READY"]:
                raise RuntimeError(f"{command[-1]} did not say READY but {line}")
            return load(line[1], line[2], seconds)
        finally:
            stop(server)


def stop(server: "subprocess.Popen[str]") -> None:
    server.terminate()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("python")
    parser.add_argument("module")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    command = [args.python, "-m", args.module]
    play(lambda directory: run(command, directory, 0.5 if args.quick else 2.0))


if __name__ == "__main__":
    main()
