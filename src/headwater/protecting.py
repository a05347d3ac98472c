"""The personal side of a catalog: what of its events is sealed, and by whom."""

from collections.abc import Iterable, Mapping

from headwater.errors import DeclarationError, KeysNeeded
from headwater.messages import Kind
from headwater.personal import Plan, plan_of
from headwater.sealing import MARK, Sealer, key_ids, open_sealed, seal, subjects_of, unsealable


class Protection:
    """Seals and opens personal data of events of these types. Without a `sealer` whatever needs one raises
    DeclarationError; with one, KeysNeeded for all keys that it takes, WrongKeys, and, sealing, SubjectForgotten."""

    def __init__(self, types: Mapping[Kind, type], sealer: Sealer | None = None) -> None:
        self.plans: dict[Kind, Plan] = {kind: plan for kind, cls in types.items() if (plan := plan_of(cls))}
        self.sealer = sealer
        self._types = types

    def with_sealer(self, sealer: Sealer) -> "Protection":
        """The same, by that."""
        return Protection(self._types, sealer)

    def seal(self, kind: Kind, cls: type, data: bytes) -> bytes:
        """The data of an event of that class as it is stored. Raises BadInput for what looks as if it were sealed."""
        plan = self.plans.get(kind) or plan_of(cls)
        if plan is not None:
            return self._seal(kind, data, plan, forgetting=False)
        if MARK in data:
            raise unsealable(kind)
        return data

    def seal_again(self, kind: Kind, data: bytes) -> bytes:
        """Data that was opened, and upcast since, as it is passed on: that of forgotten subjects reads so."""
        plan = self.plans.get(kind)
        return data if plan is None else self._seal(kind, data, plan, forgetting=True)

    def _seal(self, kind: Kind, data: bytes, plan: Plan, *, forgetting: bool) -> bytes:
        sealer = self._needed(kind)
        try:
            return seal(kind, data, plan, sealer, forgetting=forgetting)
        except KeysNeeded:
            sealer.check(subjects_of(kind, data, plan), ())  # raises it for all of them
            raise

    def open(self, kind: Kind, data: bytes) -> bytes:
        """The data of a stored event with what is sealed in it opened. Raises MalformedData."""
        if MARK not in data or (self.sealer is None and not self.plans):
            return data
        try:
            return open_sealed(kind, data, self.plans.get(kind), self._needed(kind).open)
        except KeysNeeded:
            self.check_keys(data)  # raises it for all of them
            raise

    def check_subjects(self, events: Iterable[tuple[Kind, type, bytes]]) -> None:
        """Raises KeysNeeded unless all keys are at hand by which these are sealed."""
        if self.sealer is not None:
            whose = [subjects_of(kind, data, plan) for kind, cls, data in events if (plan := plan_of(cls))]
            self.sealer.check(set[str]().union(*whose), ())

    def check_keys(self, data: bytes) -> None:
        """Raises KeysNeeded unless all keys are at hand that open what is sealed in some JSON."""
        if self.sealer is not None and MARK in data:
            self.sealer.check((), key_ids(data))

    def concerns(self, classes: Iterable[type]) -> bool:
        """Whether any of these classes has personal fields."""
        return any(plan_of(cls) for cls in classes)

    def _needed(self, kind: Kind) -> Sealer:
        if self.sealer is None:
            raise DeclarationError(
                f"event {kind.type!r} has personal fields, which are encrypted: use the catalog of a running "
                "application, runtime.app.events, by Runtime.open(…, keys='sqlite:///keys.db')"
            )
        return self.sealer
