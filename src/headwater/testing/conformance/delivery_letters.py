"""Dead letters: their order, what they hold up, and how they are left."""

import pytest

from headwater.delivery.port import Attempt, Claim, Count, Letter, Letters, Settled, Wish
from headwater.errors import DeclarationError
from headwater.testing.conformance.delivery_harness import ATTEMPT, MINUTE, Bench, ids, on_bench

ODD = "a\0b\\0 'ä\U0001f600 %s ? {t}"


class TestResting:
    """What rests is kept as it came."""

    @on_bench
    async def test_there_are_none_at_first(self, bench: Bench) -> None:
        claim = await bench.claim()
        assert await bench.resting() == []
        assert await bench.kept.blocked(bench.consumer, bench.topic, 0) == set()
        assert await bench.due(claim) == ""
        assert await bench.due() == ""

    @on_bench
    async def test_all_of_it_is_kept(self, bench: Bench) -> None:
        claim = await bench.claim(3)
        plain = bench.letter("a", 1, partition=3, key=None, failed=False, value=b"", rested=0)
        attempts = (ATTEMPT, Attempt(ODD, ODD, 2**53 + 1, 1e-9))
        full = Letter(
            bench.consumer, bench.topic, 3, 2**62, ODD, ODD, bytes(range(256)), {"ce-type": ODD, "": ""}, 7, attempts,
            8, Wish.DISCARD, 9, True,
        )  # fmt: skip
        await bench.rest(claim, plain, full)
        assert await bench.resting() == [plain, full]
        assert [each.waits for each in await bench.resting()] == [True, False]

    @on_bench
    async def test_errors_that_are_no_text_do_not_keep_a_letter_out(self, bench: Bench) -> None:
        await bench.rest(await bench.claim(), bench.letter("a", attempts=(Attempt("OSError", "no \udcff", 1, 1.0),)))
        assert (await bench.resting())[0].attempts == (Attempt("OSError", "no ?", 1, 1.0),)

    @on_bench
    async def test_one_of_the_same_id_is_replaced_and_keeps_its_place(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a", 1), bench.letter("b", 2), bench.letter("c", 3, key="other"))
        again = bench.letter("a", 9, key="other", value=b"new", headers={"h": "v"}, attempts=(ATTEMPT, ATTEMPT))
        await bench.rest(claim, again)
        assert ids(await bench.resting()) == "abc"
        [found, *_] = await bench.resting()
        assert (found.offset, found.key) == (1, "k")
        assert (found.value, found.headers, len(found.attempts)) == (b"new", {"h": "v"}, 2)
        await bench.kept.ask(bench.all, Wish.REDRIVE, 0)
        assert await bench.due(claim) == "ac"

    @on_bench
    async def test_a_wish_is_over_once_it_has_failed_again(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a"))
        await bench.kept.ask(bench.all, Wish.REDRIVE, 0)
        await bench.rest(claim, bench.letter("a"))
        assert await bench.due(claim) == ""

    @on_bench
    async def test_what_is_asked_for_while_it_is_tried_stays(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a"))
        await bench.kept.ask(bench.all, Wish.REDRIVE, 0)
        [taken] = await bench.kept.due([claim], bench.clock.now())
        await bench.kept.ask(bench.all, Wish.DISCARD, 1, b"other")
        again = bench.letter("a", attempts=(ATTEMPT, ATTEMPT))
        assert await bench.kept.rest(claim, again, taken)
        [found] = await bench.resting()
        assert (found.wish, found.due, found.value, found.edited) == (Wish.DISCARD, 1, b"other", True)
        assert len(found.attempts) == 2
        assert await bench.kept.rest(claim, again, found)
        assert await bench.due(claim) == "", "that one is over"

    @on_bench
    async def test_one_that_is_settled_is_left_alone(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.settle(claim, "a")
        assert not await bench.kept.rest(claim, bench.letter("a"))
        assert await bench.resting() == []
        assert await bench.kept.blocked(bench.consumer, bench.topic, 0) == set()

    @on_bench
    async def test_keys_are_blocked_in_their_partition(self, bench: Bench) -> None:
        claim, other = await bench.claim(), await bench.claim(1)
        await bench.rest(claim, bench.letter("a"), bench.letter("b", 1), bench.letter("c", key=None))
        await bench.rest(claim, bench.letter("d", key=""), bench.letter("e", key=ODD))
        await bench.rest(other, bench.letter("f", partition=1, key="l"))
        assert await bench.kept.blocked(bench.consumer, bench.topic, 0) == {"k", "", ODD}
        assert await bench.kept.blocked(bench.consumer, bench.topic, 1) == {"l"}
        assert await bench.kept.blocked(bench.consumer, "another", 0) == set()


async def some(bench: Bench) -> tuple[Claim, Claim]:
    """Two of key k, one of l and two without a key in partition 0; one of k in partition 1; put in out of order."""
    claim, other = await bench.claim(0), await bench.claim(1)
    await bench.rest(
        claim, bench.letter("c", 3, key="l"), bench.letter("e", 5, key=None), bench.letter("b", 2, failed=False),
        bench.letter("a", 1), bench.letter("d", 4, key=None),
    )  # fmt: skip
    await bench.rest(other, bench.letter("f", 1, partition=1))
    return claim, other


class TestDue:
    """What an operator has asked for comes to the consumer, in order."""

    @on_bench
    async def test_without_a_wish_nothing_is(self, bench: Bench) -> None:
        assert await bench.due(*await some(bench)) == ""

    @on_bench
    async def test_only_the_first_of_a_key_and_all_without_one(self, bench: Bench) -> None:
        claims = await some(bench)
        assert await bench.kept.ask(bench.all, Wish.REDRIVE, 0) == 6
        assert await bench.due(*reversed(claims)) == "acdef"
        assert await bench.due(*claims, limit=2) == "ac"
        assert await bench.due(*claims, limit=4) == "acde"
        assert await bench.due(claims[1]) == "f"

    @on_bench
    async def test_one_behind_a_first_without_a_wish_is_not(self, bench: Bench) -> None:
        claim, _ = await some(bench)
        await bench.kept.ask(bench.all._replace(ids=["b"]), Wish.REDRIVE, 0)
        assert await bench.due(claim) == ""
        await bench.redriven(claim, "a", behind=False)
        assert await bench.due(claim) == "b"

    @on_bench
    async def test_not_before_their_time(self, bench: Bench) -> None:
        claim, _ = await some(bench)
        await bench.kept.ask(Letters(bench.consumer, key="k"), Wish.REDRIVE, bench.clock.now() + MINUTE)
        assert await bench.due(claim) == ""
        bench.clock.advance(59)
        assert await bench.due(claim) == ""
        bench.clock.advance(1)
        assert await bench.due(claim) == "a"

    @on_bench
    async def test_the_wish_and_the_value_that_were_given_come_with_them(self, bench: Bench) -> None:
        claim, _ = await some(bench)
        await bench.kept.ask(bench.all._replace(ids=["a"]), Wish.DISCARD, 5)
        await bench.kept.ask(bench.all._replace(ids=["c"]), Wish.REDRIVE, 6, b"mended")
        first, second = await bench.kept.due([claim], bench.clock.now())
        assert (first.wish, first.due, first.value, first.edited) == (Wish.DISCARD, 5, b"value of a", False)
        assert (second.wish, second.due, second.value, second.edited) == (Wish.REDRIVE, 6, b"mended", True)
        await bench.kept.ask(bench.all, Wish.NONE, 0)
        assert await bench.due(claim) == ""

    @on_bench
    async def test_a_fenced_claim_has_none(self, bench: Bench) -> None:
        claim, other = await some(bench)
        await bench.kept.ask(bench.all, Wish.REDRIVE, 0)
        assert (await bench.claim()).epoch > claim.epoch
        assert await bench.due(claim, other) == "f"


class TestRedriven:
    """A letter leaves as a settled record, and the next of its key follows."""

    @on_bench
    async def test_it_is_settled_with_its_statements(self, bench: Bench) -> None:
        await bench.table()
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a", 1))
        assert not await bench.redriven(claim, "a", bench.counting("x"), bench.counting("x"))
        assert (await bench.resting(), await bench.noted("a"), await bench.tally()) == ([], {"a"}, {"x": 2})
        assert await bench.settle(claim, "a", count="x") == [False]
        assert not await bench.kept.rest(claim, bench.letter("a", 1))

    @on_bench
    async def test_a_statement_that_fails_leaves_it_as_it_was(self, bench: Bench) -> None:
        await bench.table()
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a", 1), bench.letter("b", 2))
        await bench.kept.ask(bench.all, Wish.REDRIVE, 0)
        with pytest.raises(DeclarationError, match=bench.consumer):
            await bench.redriven(claim, "a", bench.counting("x"), ("NO", ()))
        assert (ids(await bench.resting()), await bench.due(claim), await bench.tally()) == ("ab", "a", {})

    @on_bench
    async def test_those_that_wait_behind_it_follow_one_by_one(self, bench: Bench) -> None:
        claim = await bench.claim()
        waiting = [bench.letter(id, offset, failed=False) for offset, id in enumerate("bcd", 2)]
        await bench.rest(claim, bench.letter("a", 1), *waiting, bench.letter("z", 0, key="other", failed=False))
        await bench.kept.ask(bench.all._replace(ids=["a"]), Wish.REDRIVE, 0)
        for id, more in zip("abcd", (True, True, True, False), strict=True):
            assert await bench.due(claim) == id
            assert await bench.redriven(claim, id) is more
        assert (await bench.due(claim), ids(await bench.resting())) == ("", "z")
        assert await bench.kept.blocked(bench.consumer, bench.topic, 0) == {"other"}

    @on_bench
    async def test_one_that_has_failed_itself_does_not_follow(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a", 1), bench.letter("b", 2))
        assert await bench.redriven(claim, "a")
        assert await bench.due(claim) == ""

    @on_bench
    async def test_without_behind_none_follows(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a", 1), bench.letter("b", 2, failed=False))
        assert await bench.redriven(claim, "a", behind=False)
        assert await bench.due(claim) == ""

    @on_bench
    async def test_what_was_asked_for_the_next_one_stays_asked_for(self, bench: Bench) -> None:
        claim, later = await bench.claim(), bench.clock.now() + MINUTE
        waiting = [bench.letter(id, offset, failed=False) for offset, id in enumerate("bc", 2)]
        await bench.rest(claim, bench.letter("a", 1), *waiting)
        await bench.kept.ask(bench.all._replace(ids=["b"]), Wish.DISCARD, 0)
        await bench.kept.ask(bench.all._replace(ids=["c"]), Wish.REDRIVE, later)
        await bench.redriven(claim, "a")
        [next] = await bench.kept.due([claim], bench.clock.now())
        assert (next.id, next.wish) == ("b", Wish.DISCARD)
        await bench.redriven(claim, "b")
        assert await bench.due(claim) == ""
        bench.clock.advance(60)
        assert await bench.due(claim) == "c"

    @on_bench
    async def test_a_letter_in_front_of_the_first_becomes_the_first(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("b", 2), bench.letter("c", 3), bench.letter("a", 1))
        await bench.kept.ask(bench.all, Wish.REDRIVE, 0)
        for id in "abc":
            assert await bench.due(claim) == id
            await bench.redriven(claim, id, behind=False)

    @on_bench
    async def test_one_without_a_key_holds_nobody_up(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a", 1, key=None), bench.letter("b", 2, key=None, failed=False))
        assert not await bench.redriven(claim, "a")
        assert await bench.due(claim) == ""

    @on_bench
    async def test_a_second_time_nothing_is_done(self, bench: Bench) -> None:
        await bench.table()
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a", 1), bench.letter("b", 2, failed=False))
        for _ in range(2):
            assert await bench.redriven(claim, "a", bench.counting("x"))
        await bench.redriven(claim, "b", bench.counting("x"))
        assert not await bench.redriven(claim, "b", bench.counting("x"))
        await bench.settle(claim, "c")
        for id in ("a", "c", "never seen"):
            assert not await bench.redriven(claim, id, bench.counting("x"))
        assert (await bench.tally(), await bench.noted("never seen")) == ({"x": 2}, set())

    @on_bench
    async def test_a_letter_is_settled_beside_records(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("a", 1))
        await bench.redriven(claim, "a")
        assert await bench.kept.settle([Settled(claim, "a"), Settled(claim, "b")], {}) == [False, True]


class TestLooking:
    """What operators see."""

    @on_bench
    async def test_in_order_and_page_by_page(self, bench: Bench) -> None:
        await some(bench)
        assert ids(await bench.resting()) == "abcdef"
        after, found = None, ""
        while page := await bench.kept.letters(bench.all, after=after, limit=2):
            last = page[-1]
            after = last.consumer, last.topic, last.partition, last.offset
            found += ids(page) + " "
        assert found == "ab cd ef "

    @on_bench
    async def test_order_of_consumers_and_topics(self, bench: Bench) -> None:
        names = [(f"{bench.word}_{c}", t) for c in "ab" for t in ("t", "u")]
        for consumer, topic in reversed(names):
            claim = await bench.kept.claim(consumer, topic, 0)
            await bench.kept.rest(claim, Letter(consumer, topic, 0, 1, "x", None, b""))
        after = f"{bench.word}_", "", 0, 0
        found = await bench.kept.letters(Letters(ids=["x"]), after=after, limit=4)
        assert [(each.consumer, each.topic) for each in found] == names

    @on_bench
    async def test_those_of_one_place_come_together(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, *(bench.letter(id, 1) for id in "bca"), bench.letter("d", 2))
        assert ids(await bench.kept.letters(bench.all, limit=2)) == "abc"
        after = bench.consumer, bench.topic, 0, 1
        assert ids(await bench.kept.letters(bench.all, after=after, limit=2)) == "d"

    @on_bench
    async def test_which_ones(self, bench: Bench) -> None:
        claim = await bench.claim()
        attempts = Attempt("TimeoutError", "took 5% too long", 1, 1.0), Attempt("Boom", "at 'x_y'", 2, 1.0)
        await some(bench)
        await bench.rest(await bench.claim(2), bench.letter("g", 1, partition=2, attempts=attempts))
        await bench.kept.claim(bench.consumer, "another", 0)
        own = bench.all
        for which, expected in (
            (own, "abcdefg"),
            (own._replace(topic=bench.topic), "abcdefg"),
            (own._replace(topic="another"), ""),
            (own._replace(key="l"), "c"),
            (own._replace(key=""), ""),
            (own._replace(ids=["g", "nothing", "a"]), "ag"),
            (own._replace(ids=["a"], key="l"), ""),
            (own._replace(waiting=False), "acdefg"),
            (own._replace(error="ValueErr"), "acdef"),
            (own._replace(error="Boom"), "g"),
            (own._replace(error="'x_y'"), "g"),
            (own._replace(error="'xzy'"), ""),
            (own._replace(error="Timeout"), ""),
            (own._replace(error="%"), ""),
            (Letters(f"{bench.word}_another"), ""),
        ):
            assert ids(await bench.kept.letters(which)) == expected, which
            assert await bench.kept.ask(which, Wish.NONE, 0) == len(expected), which
        assert claim

    @on_bench
    async def test_counts(self, bench: Bench) -> None:
        start = bench.clock.now()
        claim, _ = await some(bench)
        bench.clock.advance(60)
        await bench.rest(claim, bench.letter("g", 6))
        await bench.rest(await bench.kept.claim(bench.consumer, "z", 0), bench.letter("a"))
        counts = [each for each in await bench.kept.counts() if each.consumer == bench.consumer]
        assert counts == [
            Count(bench.consumer, bench.topic, 6, 1, start),
            Count(bench.consumer, "z", 1, 0, start + MINUTE),
        ]
