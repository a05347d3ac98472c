"""Small things kept by name: a bucket of JetStream's key-value kind, which `nats kv` shows.

Every write has a revision, and may be made to depend on that of the one before it under the same name.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from headwater.adapters.nats import faults
from headwater.adapters.nats.connection import Connection, decode_json, encode_json
from headwater.adapters.nats.wire import AFTER, SEQUENCE, TTL
from headwater.errors import StoreUnavailable

FRESH_WITHIN = 3.0  # seconds for a replica to catch up with its leader


class Entry(NamedTuple):
    """What is kept under a name, and since which revision."""

    revision: int
    value: Any


class Snapshot(NamedTuple):
    """Everything under some names, as of one moment: all writes up to that revision, and none after it."""

    entries: Mapping[str, Entry]
    revision: int


class Outdated(Exception):
    """Somebody else has written under that name meanwhile."""


class Keys:
    """The bucket of a namespace. It is made with the first topic; before that it is empty."""

    def __init__(self, connection: Connection, bucket: str) -> None:
        self._connection = connection
        self._stream = f"KV_{bucket}"
        self._prefix = f"$KV.{bucket}."

    async def make(self, replicas: int) -> None:
        """Make the bucket, or keep it on as many nodes as that, if it is on fewer."""
        wanted = {
            "name": self._stream, "subjects": [f"{self._prefix}>"], "retention": "limits", "storage": "file",
            "discard": "new", "max_msgs_per_subject": 1, "num_replicas": replicas, "allow_direct": True,
            "allow_rollup_hdrs": True, "allow_msg_ttl": True, "deny_delete": True, "max_consumers": -1,
            "max_msgs": -1, "max_bytes": -1, "max_msg_size": -1,
        }  # fmt: skip
        found = await self._info()
        if found is None:
            try:
                await self._connection.api(f"STREAM.CREATE.{self._stream}", wanted)
            except faults.Declined as error:
                if error.number != faults.STREAM_EXISTS:
                    raise
        elif found["config"]["num_replicas"] < replicas:
            await self._connection.api(f"STREAM.UPDATE.{self._stream}", found["config"] | {"num_replicas": replicas})

    async def _info(self) -> dict[str, Any] | None:
        try:
            return await self._connection.api(f"STREAM.INFO.{self._stream}")
        except faults.Declined as error:
            if error.number != faults.STREAM_NOT_FOUND:
                raise
            return None

    # -- reading

    async def get(self, key: str) -> Entry | None:
        """What is kept under a name now."""
        try:
            answer = await self._connection.api(f"STREAM.MSG.GET.{self._stream}", {"last_by_subj": self._prefix + key})
        except faults.Declined as error:
            if error.status != 404:
                raise
            return None
        message = answer["message"]
        return Entry(message["seq"], decode_json(base64.b64decode(message.get("data", ""))))

    async def look(self, *patterns: str) -> Snapshot:
        """What is kept under all names that match, at a moment that may be a little while ago: any node answers. With
        nothing there the revision is 0."""
        body = encode_json({"multi_last": [self._prefix + pattern for pattern in patterns]})
        messages, end = await self._connection.ask_many(f"$JS.API.DIRECT.GET.{self._stream}", body)
        entries = {}
        for message in messages:
            headers = message.headers or {}
            name = headers["Nats-Subject"].removeprefix(self._prefix)
            entries[name] = Entry(int(headers[SEQUENCE]), decode_json(message.data))
        return Snapshot(entries, int((end.headers or {}).get("Nats-UpTo-Sequence", 0)))

    async def see(self, *patterns: str) -> Mapping[str, Entry]:
        """What is kept under all names that match, with all that was written before this was asked."""
        info = await self._info()
        if info is None:
            return {}
        loop, replicas = asyncio.get_running_loop(), info["config"]["num_replicas"]
        give_up = loop.time() + FRESH_WITHIN
        while True:
            found = await self.look(*patterns)
            if replicas == 1 or found.revision >= info["state"]["last_seq"]:
                return found.entries
            if found.revision == 0 and await self._is_empty(patterns):
                return {}
            if loop.time() > give_up:
                raise StoreUnavailable(self._connection.shown, "a node is far behind its leader")
            await asyncio.sleep(0.005)

    async def _is_empty(self, patterns: Sequence[str]) -> bool:
        """Whether the leader, too, has nothing under such names."""
        for pattern in patterns:
            body = {"subjects_filter": self._prefix + pattern}
            info = await self._connection.api(f"STREAM.INFO.{self._stream}", body)
            if info["state"].get("subjects"):
                return False
        return True

    # -- writing

    async def put(self, key: str, value: Any, *, after: int | None = None, ttl: int | None = None) -> int:
        """Write, and return the revision. `after`: only if that is the revision now (0: there is none), else raises
        Outdated; also where the answer to the same write was lost. `ttl`: it is forgotten after so many seconds."""
        headers = {}
        if after is not None:
            headers[AFTER] = str(after)
        if ttl is not None:
            headers[TTL] = str(ttl)
        message = await self._connection.ask(self._prefix + key, encode_json(value), headers or None)
        answer = decode_json(message.data)
        if error := answer.get("error"):
            if error.get("err_code") in faults.WRONG_LAST_SEQUENCE:
                raise Outdated(key)
            raise faults.declined(error, self._connection.shown)
        return int(answer["seq"])

    async def forget(self, *patterns: str) -> None:
        """Remove everything under the names that match."""
        for pattern in patterns:
            try:
                await self._connection.api(f"STREAM.PURGE.{self._stream}", {"filter": self._prefix + pattern})
            except faults.Declined as error:
                if error.number != faults.STREAM_NOT_FOUND:
                    raise
