"""What the laboratory asks of a running architecture; `headwater_shop.launching` is who can do it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from headwater_shop.architecture import Architecture

Between = Callable[[str, str, str], Awaitable[str]]
"""From a caller, a callee and its address to the address by which the caller is to find it."""


class Launch(Protocol):
    """A running architecture: its services and the bank, each a process."""

    @property
    def front(self) -> str:
        """The address that answers the contract."""

    def url(self, name: str) -> str:
        """A service's own address."""

    def pid(self, name: str) -> int:
        """A service's process; the last one it had, where it is not running."""

    def kill(self, name: str) -> None:
        """End a service at once, as a crash would."""

    async def stop(self, name: str) -> None:
        """End a service as a deployment does: it is told to, and has time."""

    async def start(self, name: str, *, interface: str | None = None) -> None:
        """Start a service that has ended, at its address of before, and wait until it is at work; with another
        interface from now on, or that of before."""

    def file(self, keeper: str) -> Path | None:
        """The SQLite file of a `store` or `broker` that is no process but embedded in others; else None."""


class Launcher(Protocol):
    """Starts an architecture; it ends with the block."""

    def __call__(
        self, architecture: Architecture, folder: Path, *, between: Between
    ) -> AbstractAsyncContextManager[Launch]: ...
