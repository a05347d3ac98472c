"""`headwater run`: an application, served over HTTP until Ctrl-C."""

from typing import Annotated

import msgspec
import typer

from headwater.app import Runtime
from headwater.cli.opening import Target, load_app
from headwater.cli.output import complain, note, print_line
from headwater.fold import App

Host = Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 for everywhere.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Which port; 0 for a free one.")]
StoreOrDefault = Annotated[
    str | None,
    typer.Option(
        "--store", envvar="HEADWATER_STORE", show_default="sqlite:///<app's name>.db", help="The store's address."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the address as a line of JSON, for programs.")]


def run(
    target: Target, store: StoreOrDefault = None, host: Host = "127.0.0.1", port: Port = 8000, json: AsJson = False
) -> None:
    """Run an application and serve its commands, views and events over HTTP until Ctrl-C.

    Ctrl-C (or SIGTERM) lets the requests under way finish, then ends; a second one does not wait.
    """
    app = load_app(target)
    _Server(app, store or f"sqlite:///{app.name}.db", json).run(host, port)


class _Server:
    """One run of an application."""

    def __init__(self, app: App, url: str, json: bool) -> None:
        self.app = app
        self.url = url
        self.json = json
        self.started = False

    def run(self, host: str, port: int) -> None:
        """Serve until told to stop."""
        from headwater.http import run as run_loop  # needs an extra, which `headwater store` does without

        try:
            run_loop(self._serve(host, port))
        except* OSError as errors:
            if self.started:
                raise
            complain(str(errors.exceptions[0]))
            raise typer.Exit(1) from None
        note(f"{self.app.name} has stopped")

    async def _serve(self, host: str, port: int) -> None:
        from headwater.http import Address, http_app, serve

        def started(address: Address) -> None:
            self.started = True
            self._tell(address.url)

        async with Runtime.open(self.app, self.url) as runtime:
            self.url = runtime.store.address  # as it may be shown
            await serve(http_app(runtime), host, port, started=started)

    def _tell(self, address: str) -> None:
        if self.json:
            print_line(msgspec.json.encode({"app": self.app.name, "address": address, "store": self.url}))
        else:
            print_line(f"{self.app.name} runs at {address} on {self.url}; Ctrl-C ends it".encode())
