"""The suite that every adapter of the Broker port passes. One fixture declares an adapter:

    from headwater.testing.streaming import BrokerConformance

    class TestMyBroker(BrokerConformance):
        @pytest.fixture
        def open_broker(self, tmp_path):
            async def open(place):
                return await MyBroker.open(tmp_path / place)
            return open

`open(place)` opens the broker at a place, a word. One that declares itself `durable` has everything again when its
place is opened again after closing; one that declares itself `shared` may be opened several times at once, also from
another thread with an event loop of its own. All tests make topics of their own, under names that nobody else uses, so
places may all be the same, and one server may serve any number of runs. Tests of what a broker declares that it does
not do are left out. It needs pytest and hypothesis.
"""

import pytest

_SUBJECTS = (
    "harness",
    "elsewhere",
    "topics",
    "publishing",
    "ids",
    "reading",
    "refusing",
    "groups",
    "committing",
    "rebalancing",
    "leaving",
    "pausing",
    "retaining",
    "waiting",
    "closing",
    "laws",
)
pytest.register_assert_rewrite(*(f"{__name__}.{subject}" for subject in _SUBJECTS))  # before they are imported

from headwater.testing.streaming import (  # noqa: E402
    closing,
    committing,
    groups,
    ids,
    laws,
    leaving,
    pausing,
    publishing,
    reading,
    rebalancing,
    refusing,
    retaining,
    topics,
    waiting,
)
from headwater.testing.streaming.harness import OpenBroker  # noqa: E402

__all__ = ["BrokerConformance", "OpenBroker"]


class BrokerConformance:
    """All subjects. Inherit from it and give it the fixture `open_broker`."""

    TestTopics = topics.TestTopics
    TestPublishing = publishing.TestPublishing
    TestKeys = publishing.TestKeys
    TestTogether = publishing.TestTogether
    TestIds = ids.TestIds
    TestReading = reading.TestReading
    TestRefusing = refusing.TestRefusing
    TestOneMember = groups.TestOneMember
    TestSeveralMembers = groups.TestSeveralMembers
    TestSeveralGroups = groups.TestSeveralGroups
    TestCommitting = committing.TestCommitting
    TestLag = committing.TestLag
    TestComing = rebalancing.TestComing
    TestGoing = rebalancing.TestGoing
    TestDying = rebalancing.TestDying
    TestLeaving = leaving.TestLeaving
    TestPausingPartitions = pausing.TestPausingPartitions
    TestPausingGroups = pausing.TestPausingGroups
    TestRetention = retaining.TestRetention
    TestWaiting = waiting.TestWaiting
    TestClosing = closing.TestClosing
    TestLaws = laws.TestLaws
