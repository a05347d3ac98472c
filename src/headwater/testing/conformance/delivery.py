"""The suite that every adapter of the DeliveryStore port passes. One fixture declares an adapter:

    from headwater.testing.conformance.delivery import DeliveryStoreConformance, OpenDelivery, Opened

    class TestMyDelivery(DeliveryStoreConformance):
        @pytest.fixture
        def open_delivery(self, tmp_path):
            @asynccontextmanager
            async def open(clock):
                async with await MyStore.open(tmp_path / "store", clock=clock) as store:
                    yield Opened(MyDelivery(store), MyViews(store), store.capabilities)
            return open

`open(clock)` is a context in which there is a store at the one place that the fixture stands for; what earlier tests
have left there is in nobody's way. A store that declares itself `shared` may be opened several times at once. Tests of
what a store declares that it cannot do are left out. It needs pytest and hypothesis.
"""

import pytest

_SUBJECTS = "harness", "inbox", "tables", "letters", "laws"
pytest.register_assert_rewrite(*(f"{__name__}_{subject}" for subject in _SUBJECTS))  # before they are imported

from headwater.testing.conformance import (  # noqa: E402
    delivery_inbox,
    delivery_laws,
    delivery_letters,
    delivery_tables,
)
from headwater.testing.conformance.delivery_harness import OpenDelivery, Opened  # noqa: E402

__all__ = ["DeliveryStoreConformance", "OpenDelivery", "Opened"]


class DeliveryStoreConformance:
    """All subjects. Inherit from it and give it the fixture `open_delivery`."""

    TestClaims = delivery_inbox.TestClaims
    TestSettling = delivery_inbox.TestSettling
    TestForgetting = delivery_inbox.TestForgetting
    TestRelays = delivery_inbox.TestRelays
    TestReopening = delivery_inbox.TestReopening
    TestTables = delivery_tables.TestTables
    TestResting = delivery_letters.TestResting
    TestDue = delivery_letters.TestDue
    TestRedriven = delivery_letters.TestRedriven
    TestLooking = delivery_letters.TestLooking
    TestLaws = delivery_laws.TestLaws
