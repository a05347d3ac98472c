"""`headwater run`: an application, served over HTTP until Ctrl-C."""

from collections.abc import Sequence
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


BrokerOrDefault = Annotated[
    str | None,
    typer.Option(
        "--broker",
        envvar="HEADWATER_BROKER",
        show_default="sqlite:///<app's name>-topics.db, if it has topics",
        help="The broker's address.",
    ),
]
KeysOrDefault = Annotated[
    str | None,
    typer.Option(
        "--keys",
        envvar="HEADWATER_KEYS",
        show_default="sqlite:///<app's name>-keys.db, if it has personal fields",
        help="The address of the keys of personal data.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(help="Only this is at work here: a consumer, a reaction, a topic (its relay), 'views', 'timers'."),
]


def run(
    target: Target,
    store: StoreOrDefault = None,
    broker: BrokerOrDefault = None,
    keys: KeysOrDefault = None,
    only: Only = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    json: AsJson = False,
) -> None:
    """Run an application and serve its commands, views, events and topics over HTTP until Ctrl-C.

    Where several processes share an application's work, each is told its part by --only, which may be given again.
    Ctrl-C (or SIGTERM) lets the requests under way finish, then ends; a second one does not wait.
    """
    app = load_app(target)
    if broker is None and (app.topics or app.consumers):
        broker = f"sqlite:///{app.name}-topics.db"
    if keys is None and app.events.protection.plans:
        keys = f"sqlite:///{app.name}-keys.db"
    _Server(app, store or f"sqlite:///{app.name}.db", broker or "", keys or "", only or (), json).run(host, port)


class _Server:
    """One run of an application."""

    def __init__(self, app: App, url: str, broker: str, keys: str, only: Sequence[str], json: bool) -> None:
        self.app = app
        self.url = url
        self.broker = broker
        self.keys = keys
        self.only = only
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

        only = self.only or True
        async with Runtime.open(self.app, self.url, broker=self.broker, keys=self.keys, workers=only) as runtime:
            self.url = runtime.store.address  # as it may be shown
            await serve(http_app(runtime), host, port, started=started)

    def _tell(self, address: str) -> None:
        if self.json:
            print_line(msgspec.json.encode({"app": self.app.name, "address": address, "store": self.url}))
        else:
            print_line(f"{self.app.name} runs at {address} on {self.url}; Ctrl-C ends it".encode())
