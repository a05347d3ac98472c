"""The suite that every adapter of the EventStore port passes. One fixture declares an adapter:

    from headwater.testing.conformance import EventStoreConformance

    class TestMyStore(EventStoreConformance):
        @pytest.fixture
        def open_store(self, tmp_path):
            async def open(place, **options):
                return await MyStore.open(tmp_path / place, **options)
            return open

`open(place, *, clock=…, max_event_bytes=…)` opens the store at a place. The first time a place is opened in a test it
is empty. A store that declares itself `durable` has its events again when its place is opened again after closing;
one that declares itself `shared` may be opened several times at once. Tests of what a store declares that it cannot do
are left out. It needs pytest and hypothesis.
"""

import pytest

_SUBJECTS = (
    "harness",
    "model",
    "appending",
    "versions",
    "conditions",
    "idempotency",
    "reading",
    "batches",
    "subscribing",
    "refusing",
    "racing",
    "deciding",
    "naming",
    "closing",
    "moving",
    "removing",
    "laws",
)
pytest.register_assert_rewrite(*(f"{__name__}.{subject}" for subject in _SUBJECTS))  # before they are imported

from headwater.testing.conformance import (  # noqa: E402
    appending,
    batches,
    closing,
    conditions,
    deciding,
    idempotency,
    laws,
    moving,
    naming,
    racing,
    reading,
    refusing,
    removing,
    subscribing,
    versions,
)
from headwater.testing.conformance.harness import OpenStore  # noqa: E402

__all__ = ["EventStoreConformance", "OpenStore"]


class EventStoreConformance:
    """All subjects. Inherit from it and give it the fixture `open_store`."""

    TestAppending = appending.TestAppending
    TestSeveralStreams = appending.TestSeveralStreams
    TestExpectedVersions = versions.TestExpectedVersions
    TestConditions = conditions.TestConditions
    TestIds = idempotency.TestIds
    TestFingerprints = idempotency.TestFingerprints
    TestPages = reading.TestPages
    TestQueries = reading.TestQueries
    TestStreams = reading.TestStreams
    TestLoad = batches.TestLoad
    TestScan = batches.TestScan
    TestKinds = batches.TestKinds
    TestWaiting = subscribing.TestWaiting
    TestSubscriptions = subscribing.TestSubscriptions
    TestNothing = refusing.TestNothing
    TestNames = refusing.TestNames
    TestData = refusing.TestData
    TestSizes = refusing.TestSizes
    TestAfterwards = refusing.TestAfterwards
    TestRaces = racing.TestRaces
    TestSharing = racing.TestSharing
    TestDeciding = deciding.TestDeciding
    TestDecidingOnward = deciding.TestDecidingOnward
    TestDecidingOnce = deciding.TestDecidingOnce
    TestDecidingTogether = deciding.TestDecidingTogether
    TestOddNames = naming.TestOddNames
    TestOddData = naming.TestOddData
    TestClosing = closing.TestClosing
    TestReopening = closing.TestReopening
    TestMoving = moving.TestMoving
    TestRemoving = removing.TestRemoving
    TestFoldingWhatIsLeft = removing.TestFoldingWhatIsLeft
    TestClosedStreams = removing.TestClosedStreams
    TestPuttingBack = removing.TestPuttingBack
    TestMovingWhatIsLeft = removing.TestMovingWhatIsLeft
    TestLaws = laws.TestLaws
