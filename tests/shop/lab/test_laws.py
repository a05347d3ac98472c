"""Laws of what is reckoned from raw data, whatever they are."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from headwater_shop.lab.raw import Browse, Fault, Line, Ordered, Run, Settled, Stale
from headwater_shop.lab.report.page import Rgb, colour, contrast
from headwater_shop.lab.report.timeline import rates, stretch
from headwater_shop.lab.results import Estimate, estimate, result

SECONDS = st.floats(0, 60, allow_nan=False)
STATUSES = st.sampled_from((0, 200, 201, 202, 402, 409, 503))
ENDS = st.sampled_from(("", "?", "placed", "paid", "payment_failed", "cancelled", "dispatched"))


@st.composite
def runs(draw: st.DrawFn) -> list[Line]:
    fault = draw(st.sampled_from(("F0", "F1", "F5")))
    begins, ends = (None, None) if fault == "F0" else (10.0, 30.0)
    scale = draw(st.floats(0.001, 1))
    lines: list[Line] = [
        Run("r", "soa", cast(Fault, fault), "", 1, 7, 50.0, 4.0, 12.0, begins, ends, scale, "2026-01-01", "a machine")
    ]
    for number in range(draw(st.integers(0, 12))):
        at, took = draw(SECONDS), draw(SECONDS)
        lines.append(Ordered(str(number), at, took, draw(STATUSES), "5.00", probe=draw(st.booleans())))
        if draw(st.booleans()):
            end = draw(ENDS)
            final = end in ("cancelled", "dispatched")
            lines.append(Settled(str(number), end, at + took + draw(SECONDS) if final else None))
    lines += [Browse(draw(SECONDS), draw(SECONDS), draw(STATUSES)) for _ in range(draw(st.integers(0, 3)))]
    lines += [Stale(draw(SECONDS), draw(SECONDS)) for _ in range(draw(st.integers(0, 3)))]
    return lines


@given(runs())
def test_shares_are_shares_and_grow_with_time(lines: list[Line]) -> None:
    found = result(lines)
    first, second, third = found.completed
    shares = (found.accepted, found.accepted_during, found.browsed, found.browsed_during, first, second, third)
    assert all(each is None or 0 <= each <= 100 for each in shares)
    if found.asked == 0:
        assert (found.accepted, first, found.completed_at_last) == (None, None, None)
        return
    assert first is not None
    assert second is not None
    assert third is not None
    assert found.completed_at_last is not None
    assert first <= second <= third <= found.completed_at_last <= 100


@given(runs())
def test_more_is_completed_than_accepted_only_by_what_the_shopper_does_not_know_of(lines: list[Line]) -> None:
    """An order that timed out for its shopper may complete: completion is above acceptance by these at most."""
    found = result(lines)
    orders = [line for line in lines if isinstance(line, Ordered) and not line.probe]
    sent = {line.order_id for line in lines if isinstance(line, Settled) and line.order == "dispatched"}
    unaware = sum(each.order_id in sent and each.status not in (201, 202) for each in orders)
    if found.accepted is not None and found.completed_at_last is not None:
        assert found.completed_at_last <= found.accepted + 100 * unaware / len(orders) + 1e-9


@given(runs())
def test_quantiles_are_in_order_and_nothing_is_lost_that_was_not_accepted(lines: list[Line]) -> None:
    found = result(lines)
    pairs = (
        (found.accept_p50, found.accept_p99),
        (found.complete_p50, found.complete_p99),
        (found.stale_p50, found.stale_p99),
    )
    assert all(low is None or high is None or low <= high for low, high in pairs)
    accepted = {line.order_id for line in lines if isinstance(line, Ordered) and line.status in (201, 202)}
    assert set(found.verdict.lost) <= accepted
    ended = {line.order_id for line in lines if isinstance(line, Settled) and line.at is not None}
    assert (found.drained is not None) == (accepted <= ended)
    assert found.drained is None or found.drained >= 0


@given(runs())
def test_bars_hold_every_order_once(lines: list[Line]) -> None:
    run = cast(Run, lines[0])
    orders = [line for line in lines if isinstance(line, Ordered)]
    bars = rates(run, orders)
    assert round(sum(yes + no for yes, no in bars) * stretch(run, orders)) == len(orders)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20))
def test_the_mean_lies_within_its_interval(values: list[float]) -> None:
    found = estimate(values)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.mean <= found.high


@given(st.floats(0, 100))
def test_letters_can_be_read_on_every_colour(share: float) -> None:
    ground, letters = (
        tuple(bytes.fromhex(part.split("#")[1][:6])) for part in colour(Estimate(share, None, None, 1)).split(";")
    )
    assert contrast(cast(Rgb, ground), cast(Rgb, letters)) >= 4.3
