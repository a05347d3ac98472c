"""What is answered for the mock cluster, which knows nothing about administration.

It is as Kafka's protocol says (https://kafka.apache.org/protocol), in the oldest versions that a client of today asks
for.
"""

import struct
from typing import Protocol

from headwater.testing.kafka.frames import Reading, several, text

CREATE, DELETE, DESCRIBE, ALTER = 19, 20, 32, 44
ANSWERED = {CREATE: (2, 4), DELETE: (1, 3), DESCRIBE: (1, 1), ALTER: (0, 0)}  # what is answered here, and versions
DYNAMIC_TOPIC_CONFIG = 1  # where a setting comes from
REMOVE = 1  # what is to be done to a setting


class Cluster(Protocol):
    """What is needed of the mock cluster. Both return Kafka's number for what went wrong, or 0."""

    def create_topic(self, name: str, partitions: int, replicas: int) -> int: ...

    def remove_topic(self, name: str) -> int: ...


def with_ours(frame: bytes) -> bytes:
    """An answer about versions, with ours among them."""
    number, error, count = struct.unpack_from(">ihi", frame)
    if error:
        return frame
    ours = b"".join(struct.pack(">hhh", key, *versions) for key, versions in ANSWERED.items())
    end = 10 + 6 * count
    return struct.pack(">ihi", number, error, count + len(ANSWERED)) + frame[10:end] + ours + frame[end:]


def with_controller(frame: bytes) -> bytes:
    """An answer about the cluster, with its first broker as the controller: the mock names one that is not there."""
    answer = Reading(frame, 9)  # the number, tags, throttling
    first = 0
    for n in range(answer.varint() - 1):
        broker = answer.number("i")
        first = first if n else broker
        answer.compact()  # host
        answer.number("i")
        answer.compact()  # rack
        answer.varint()  # no tags
    answer.compact()  # the cluster's id
    return frame[: answer.at] + struct.pack(">i", first) + frame[answer.at + 4 :]


class Answers:
    """Answers to what is asked of an administrator: the same for all brokers."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._settings: dict[str, dict[str, str]] = {}  # what was said of each topic

    def to(self, key: int, body: Reading) -> bytes:
        """The answer to a request."""
        answer = {CREATE: self._create, DELETE: self._delete, DESCRIBE: self._describe, ALTER: self._alter}[key]
        return answer(body)

    def _create(self, body: Reading) -> bytes:
        done = [
            text(name) + struct.pack(">h", self._made(name, partitions, replicas, given)) + text(None)
            for name, partitions, replicas, given in [self._new_topic(body) for _ in range(body.number("i"))]
        ]
        return struct.pack(">i", 0) + several(done)

    def _new_topic(self, body: Reading) -> tuple[str, int, int, dict[str, str]]:
        name, partitions, replicas = body.text() or "", body.number("i"), body.number("h")
        assert not body.number("i"), "nobody says here which broker has what"
        given = {body.text() or "": body.text() or "" for _ in range(body.number("i"))}
        return name, partitions, replicas, given

    def _made(self, name: str, partitions: int, replicas: int, given: dict[str, str]) -> int:
        error = self._cluster.create_topic(name, max(partitions, 1), max(replicas, 1))  # -1: as the cluster likes
        if not error:
            self._settings[name] = given
        return error

    def _delete(self, body: Reading) -> bytes:
        done = []
        for _ in range(body.number("i")):
            name = body.text() or ""
            self._settings.pop(name, None)
            done.append(text(name) + struct.pack(">h", self._cluster.remove_topic(name)))
        return struct.pack(">i", 0) + several(done)

    def _describe(self, body: Reading) -> bytes:
        done = []
        for _ in range(body.number("i")):
            kind, name = body.number("b"), body.text() or ""
            for _ in range(max(body.number("i"), 0)):
                body.text()  # all are told
            found = self._settings.get(name, {})
            entries = [
                text(key) + text(value) + struct.pack(">bbb", 0, DYNAMIC_TOPIC_CONFIG, 0) + several([])
                for key, value in found.items()
            ]
            done.append(struct.pack(">h", 0) + text(None) + struct.pack(">b", kind) + text(name) + several(entries))
        return struct.pack(">i", 0) + several(done)

    def _alter(self, body: Reading) -> bytes:
        done = []
        for _ in range(body.number("i")):
            kind, name = body.number("b"), body.text() or ""
            for _ in range(body.number("i")):
                key, operation, value = body.text() or "", body.number("b"), body.text()
                if operation == REMOVE:
                    self._settings.get(name, {}).pop(key, None)
                else:
                    self._settings.setdefault(name, {})[key] = value or ""
            done.append(struct.pack(">h", 0) + text(None) + struct.pack(">b", kind) + text(name))
        return struct.pack(">i", 0) + several(done)
