"""What an HTTP contender imports: serve an ASGI application on a free port and say so.

The contract with `http_round.py`: the script is started in a round's fresh directory (its first argument), prints
`READY <port> <path>` once connections are accepted, and ends on SIGTERM. It is to answer `POST <path>` with
`workload.order_json(n)` as body by a 2xx once the order is durable.
"""

import socket
from typing import Any

import uvicorn


def serve(app: Any, path: str) -> None:
    """One process: uvicorn with httptools and uvloop, no access log. Returns at SIGTERM."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    config = uvicorn.Config(app, http="httptools", loop="uvloop", access_log=False, log_level="warning")
    print(f"READY {listener.getsockname()[1]} {path}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])
