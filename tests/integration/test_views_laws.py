"""Laws of views, on random events: rows are the fold, whatever the batches are; columns give back what was put in."""


from bank import (
    BankEvent,
    Closed,
    Deposited,
    Opened,
    Sent,
    accounts,
    balances,
    inline_balances,
)
from hypothesis import strategies as st

from headwater import App

NAMES = st.sampled_from(["ann", "bob", "cid", "É", ""])
PENCE = st.integers(-100, 100)
EVENTS: st.SearchStrategy[BankEvent] = st.one_of(
    st.builds(Opened, NAMES, st.text(max_size=3)),
    st.builds(Deposited, NAMES, PENCE),
    st.builds(Sent, NAMES, NAMES, PENCE),
    st.builds(Closed, NAMES),
)
app = App("bank", deciders=[accounts], views=[balances, inline_balances])
