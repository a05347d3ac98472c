"""Keys at hand: a bounded cache of a key store, and the encryption (AES-256-GCM).

What decides and folds is synchronous and must find keys at hand. So it works on what is here, and raises KeysNeeded
where that is not enough; whoever awaits around it fetches them and has it done again (`keys/fetching.py`). Nothing is
ever encrypted with a key that the key store does not have already.
"""

import asyncio
import os
import time
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headwater.errors import KeysNeeded, SubjectForgotten, WrongKeys
from headwater.keys.port import KeyStore, SubjectKey
from headwater.sealing import Where

BOUND = 10_000
LEASE = 1.0
NONCE_BYTES = 12
NOBODY: frozenset[str] = frozenset()

_encode = msgspec.json.Encoder().encode


class Held(NamedTuple):
    """A key at hand; `cipher` is None where it was destroyed."""

    id: str
    subject: str
    cipher: AESGCM | None


class Ring:
    """Sealer with the keys of a key store. At most about `bound` keys are held, those used last.

    What is held counts for `lease` seconds since the key store was last asked what was destroyed. So nothing is
    encrypted or decrypted by anyone, in whatever process, with a key that was destroyed more than `lease` seconds ago.
    """

    def __init__(
        self, store: KeyStore, *, bound: int = BOUND, lease: float = LEASE, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.store = store
        self.lease = lease
        self._bound = bound
        self._now = now  # the machine's time: a clock that stands still must not make a destroyed key live on
        self._by_subject: OrderedDict[str, Held] = OrderedDict()
        self._by_id: dict[str, Held] = {}
        self._missing: set[str] = set()  # ids that the key store does not have
        self._heard = float("-inf")
        self._generation = -1
        self._fetching = asyncio.Lock()
        self._wanted: tuple[set[str], set[str]] = set(), set()

    # -- at once

    def seal(self, subject: str, where: Where, value: bytes) -> str:
        """See Sealer."""
        held = self._by_subject.get(subject)
        if held is None or self._stale():
            raise self._needed({subject}, NOBODY)
        if held.cipher is None:
            raise SubjectForgotten(subject, where[0])
        self._by_subject.move_to_end(subject)
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + held.cipher.encrypt(nonce, value, _encode((subject, *where)))
        return f"{held.id}:{b2a_base64(sealed, newline=False).decode()}"

    def open(self, text: str, subject: str | None, where: Where) -> bytes | None:
        """See Sealer."""
        id, _, encoded = text.partition(":")
        held = self._by_id.get(id)
        if self._stale() or (held is None and id not in self._missing):
            raise self._needed(NOBODY, {id})
        if held is None:
            raise self._wrong(where, f"there is no key {id!r}")
        if subject is not None and held.subject != subject:
            raise self._wrong(where, f"it is sealed for another subject, by key {id!r}")
        if held.cipher is None:
            return None
        self._by_subject.move_to_end(held.subject)
        try:
            sealed = a2b_base64(encoded, strict_mode=True)
            about = _encode((held.subject, *where))
            return held.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except (InvalidTag, NotBase64, ValueError) as error:
            why = f"key {id!r} does not fit: it was changed, or comes from another event or field"
            raise self._wrong(where, why) from error

    def check(self, subjects: Collection[str], ids: Collection[str]) -> None:
        """See Sealer."""
        if self._without_key(subjects) or self._unknown(ids) or self._stale():
            raise self._needed(subjects, ids)

    # Of what is asked for, not of all that is held: sets of that would be made each time.

    def _without_key(self, subjects: Iterable[str]) -> list[str]:
        return [each for each in subjects if each not in self._by_subject]

    def _unknown(self, ids: Iterable[str]) -> list[str]:
        return [id for id in ids if id not in self._by_id and id not in self._missing]

    def _stale(self) -> bool:
        return self._now() - self._heard > self.lease

    def _needed(self, subjects: Collection[str], ids: Collection[str]) -> KeysNeeded:
        wanted = frozenset(subjects), frozenset(ids)
        return KeysNeeded(*wanted, lambda: self.fetch(*wanted))

    def _wrong(self, where: Where, why: str) -> WrongKeys:
        return WrongKeys(f"{'.'.join(where[1:])} of event {where[0]!r}", self.store.address, why)

    # -- awaited

    async def fetch(self, subjects: Collection[str] = NOBODY, ids: Collection[str] = NOBODY) -> None:
        """Have these keys at hand; those of subjects that have none are made. All who ask meanwhile are served
        together. Raises StoreError."""
        for wanted, more in zip(self._wanted, (subjects, ids), strict=True):
            wanted.update(more)
        async with self._fetching:
            of, by = {*self._wanted[0], *subjects}, {*self._wanted[1], *ids}
            self._wanted = set(), set()
            if self._stale():
                await self._hear()
            for held in [*map(self._by_subject.get, of), *map(self._by_id.get, by)]:
                if held is not None:
                    self._by_subject.move_to_end(held.subject)
            room = max(self._bound, len(of) + len(by))  # those asked for are needed all at once
            if new := self._without_key(of):
                self._hold(await self.store.provide(new), room)
            if unknown := self._unknown(by):
                found = await self.store.find(unknown)
                self._missing |= set(unknown) - {key.id for key in found}
                self._hold(found, room)

    async def _hear(self) -> None:
        """Ask what was destroyed: where anything was, nothing that is held counts any more."""
        before = self._now()
        generation = await self.store.generation()
        if generation != self._generation:
            self.clear()
            self._generation = generation
        self._missing.clear()  # another process may make them
        self._heard = before

    def _hold(self, keys: Collection[SubjectKey], room: int) -> None:
        for key in keys:
            held = Held(key.id, key.subject, None if key.destroyed else AESGCM(key.secret))
            self._by_subject[key.subject] = self._by_id[key.id] = held
            self._by_subject.move_to_end(key.subject)
        while len(self._by_subject) > room:
            _, oldest = self._by_subject.popitem(last=False)
            del self._by_id[oldest.id]

    def clear(self) -> None:
        """Hold nothing any more."""
        self._by_subject.clear()
        self._by_id.clear()
        self._heard = float("-inf")
