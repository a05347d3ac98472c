"""Claims, settling, forgetting and relays."""

from collections import Counter

import pytest

from headwater.delivery.port import Claim, Settled
from headwater.errors import BadInput, DeclarationError, Fenced
from headwater.testing.conformance.delivery_harness import MINUTE, Bench, on_bench, require, together


class TestClaims:
    """Of two who believe that they have a partition, only the later one has any effect."""

    @on_bench
    async def test_a_claim_raises_the_epoch(self, bench: Bench) -> None:
        first, second = await bench.claim(), await bench.claim()
        assert first[:3] == (bench.consumer, bench.topic, 0)
        assert second.epoch > first.epoch

    @on_bench
    async def test_each_partition_topic_and_consumer_has_its_own(self, bench: Bench) -> None:
        first = await bench.claim()
        await bench.claim(1)
        await bench.kept.claim(bench.consumer, "another", 0)
        await bench.kept.claim(f"{bench.word}_another", bench.topic, 0)
        assert await bench.settle(first, "a") == [True]

    @on_bench
    async def test_whoever_has_an_older_one_is_fenced_and_writes_nothing(self, bench: Bench) -> None:
        await bench.table()
        old = await bench.claim()
        await bench.rest(old, bench.letter("r"))
        new = await bench.claim()
        with pytest.raises(Fenced, match=bench.consumer):
            await bench.settle(old, "a", count="x")
        with pytest.raises(Fenced):
            await bench.kept.rest(old, bench.letter("b"))
        with pytest.raises(Fenced):
            await bench.redriven(old, "r", bench.counting("x"))
        assert await bench.noted("a", "b") == set()
        assert (await bench.tally(), len(await bench.resting())) == ({}, 1)
        assert await bench.settle(new, "a", count="x") == [True]

    @on_bench
    async def test_one_fenced_claim_of_several_fences_all(self, bench: Bench) -> None:
        held, old = await bench.claim(0), await bench.claim(1)
        await bench.claim(1)
        with pytest.raises(Fenced):
            await bench.kept.settle([Settled(held, "a"), Settled(old, "b")], {})
        assert await bench.noted("a", "b") == set()

    @on_bench
    async def test_one_that_nobody_gave_out_is_fenced(self, bench: Bench) -> None:
        with pytest.raises(Fenced):
            await bench.settle(Claim(bench.consumer, bench.topic, 0, 1), "a")
        claim = await bench.claim()
        for wrong in (
            claim._replace(epoch=claim.epoch + 1),
            claim._replace(partition=1),
            claim._replace(topic="other"),
        ):
            with pytest.raises(Fenced):
                await bench.settle(wrong, "a")

    @on_bench
    async def test_of_two_who_work_at_once_each_record_counts_once(self, bench: Bench) -> None:
        await bench.table()
        one, two = await bench.claim(0), await bench.claim(1)
        calls = [bench.settle(claim, f"{n}", f"{n + 1}", count="x") for n in range(20) for claim in (one, two)]
        done = [flag for flags in await together(*calls) for flag in flags]
        assert (done.count(True), await bench.tally()) == (21, {"x": 21})

    @on_bench
    async def test_rows_may_be_touched_in_any_order(self, bench: Bench) -> None:
        """Where two wait for each other's rows, one of them is undone, and done again."""
        await bench.table()
        claims = [await bench.claim(partition) for partition in range(4)]
        orders = ["ab", "ba", "bcda", "dacb"]
        calls = [
            bench.kept.settle([Settled(claim, f"{order}-{n}", [bench.counting(key) for key in order])], bench.names)
            for n in range(5)
            for claim, order in zip(claims, orders, strict=True)
        ]
        assert await together(*calls) == [[True]] * 20
        assert await bench.tally() == {"a": 20, "b": 20, "c": 10, "d": 10}

    @on_bench
    async def test_a_claim_beside_settling_lets_it_through_or_fences_it(self, bench: Bench) -> None:
        await bench.table()
        claim = await bench.claim()
        calls = [bench.settle(claim, str(n), count="x") for n in range(10)]
        results = await together(*calls[:5], bench.claim(), *calls[5:])
        through = sum(result == [True] for result in results)
        assert Counter(isinstance(each, Fenced) for each in results)[True] == 10 - through
        assert (await bench.tally()).get("x", 0) == through == len(await bench.noted(*map(str, range(10))))


class TestSettling:
    """A record that is noted needs no more work, and its statements have run, once."""

    @on_bench
    async def test_nothing_is_settled_at_first(self, bench: Bench) -> None:
        assert await bench.noted("a", "b") == set()
        assert await bench.noted() == set()
        await bench.claim()
        assert await bench.noted("a", "b") == set()
        assert await bench.kept.settle([], {}) == []

    @on_bench
    async def test_what_is_settled_is_told(self, bench: Bench) -> None:
        claim = await bench.claim()
        assert await bench.settle(claim, "a", "b") == [True, True]
        assert await bench.noted("a", "c", "b") == {"a", "b"}
        assert await bench.kept.settled(bench.consumer, "another", ["a"]) == set()
        assert await bench.kept.settled(f"{bench.word}_another", bench.topic, ["a"]) == set()

    @on_bench
    async def test_a_second_time_is_left_alone(self, bench: Bench) -> None:
        await bench.table()
        claim = await bench.claim()
        assert await bench.settle(claim, "a", count="x") == [True]
        assert await bench.settle(claim, "b", "a", "c", count="y") == [True, False, True]
        assert await bench.settle(await bench.claim(), "a", count="x") == [False]
        assert await bench.settle(await bench.claim(5), "a", count="x") == [False]
        assert await bench.tally() == {"x": 1, "y": 2}

    @on_bench
    async def test_of_two_of_one_id_in_one_call_the_first_counts(self, bench: Bench) -> None:
        await bench.table()
        claim, other = await bench.claim(0), await bench.claim(1)
        settled = [
            Settled(claim, "a", [bench.counting("first")]),
            Settled(other, "b", [bench.counting("b")]),
            Settled(other, "a", [bench.counting("second")]),
            Settled(claim, "a", [bench.counting("third")]),
        ]
        assert await bench.kept.settle(settled, bench.names) == [True, True, False, False]
        assert await bench.tally() == {"first": 1, "b": 1}

    @on_bench
    async def test_one_that_rests_is_left_alone(self, bench: Bench) -> None:
        await bench.table()
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("r"))
        assert await bench.noted("r", "a") == {"r"}
        assert await bench.settle(claim, "r", "a", count="x") == [False, True]
        assert (await bench.tally(), len(await bench.resting())) == ({"x": 1}, 1)

    @on_bench
    async def test_several_consumers_and_topics_in_one_call(self, bench: Bench) -> None:
        claims = [
            await bench.claim(),
            await bench.kept.claim(bench.consumer, "another", 0),
            await bench.kept.claim(f"{bench.word}_another", bench.topic, 0),
        ]
        settled = [Settled(claim, "a") for claim in claims]
        assert await bench.kept.settle([*settled, *settled], {}) == [True] * 3 + [False] * 3

    @on_bench
    async def test_statements_run_in_order(self, bench: Bench) -> None:
        await bench.table()
        claim = await bench.claim()
        doubled = "UPDATE {t} SET n = n * ? WHERE key = ?", (10, "x")
        settled = [
            Settled(claim, "a", [bench.counting("x"), bench.counting("x"), doubled]),
            Settled(claim, "b", [bench.counting("x"), doubled]),
            Settled(claim, "c"),
            Settled(claim, "d", [("INSERT INTO {t} SELECT 'y', n FROM {t}", ()), bench.counting("y", 1)]),
        ]
        assert await bench.kept.settle(settled, bench.names) == [True] * 4
        assert await bench.tally() == {"x": 210, "y": 211}

    @on_bench
    async def test_a_statement_that_fails_undoes_all(self, bench: Bench) -> None:
        await bench.table()
        claim = await bench.claim()
        for wrong in (
            ("INSERT INTO {t} VALUES ('y', NULL)", ()),
            ("INSERT INTO {t} VALUES ('x', 1)", ()),
            ("INSERT INTO {nowhere} VALUES (1)", ()),
            ("INSERT INTO {t} VALUES (?, ?)", ("y",)),
            ("INSERT INTO {t} VALUES (?, ?)", ("y", object())),
            ("NO", ()),
        ):
            settled = [
                Settled(claim, "a", [bench.counting("x")]),
                Settled(claim, "b", [bench.counting("y"), wrong]),
                Settled(claim, "c", [bench.counting("z")]),
            ]
            with pytest.raises(DeclarationError, match=bench.consumer):
                await bench.kept.settle(settled, bench.names)
            assert await bench.noted("a", "b", "c") == set()
            assert await bench.tally() == {}

    @on_bench
    async def test_thousands_at_once(self, bench: Bench) -> None:
        await bench.table()
        claims = [await bench.claim(partition) for partition in range(4)]
        settled = [Settled(claims[n % 4], f"{n}", [bench.counting(f"key {n % 10}")]) for n in range(2_000)]
        assert all(await bench.kept.settle(settled, bench.names))
        assert not any(await bench.kept.settle(settled, bench.names))
        assert await bench.tally() == {f"key {n}": 200 for n in range(10)}
        assert len(await bench.noted(*(f"{n}" for n in range(1_000, 3_000)))) == 1_000

    @on_bench
    async def test_ids_of_all_kinds(self, bench: Bench) -> None:
        claim = await bench.claim()
        odd = ["", " ", "'", '"', "\\", "\\0", "\0", "a\0b", "ä", "\U0001f600", "%s", "?", "{t}", "\n", "x" * 1_000]
        assert await bench.settle(claim, *odd) == [True] * len(odd)
        assert await bench.settle(claim, *odd) == [False] * len(odd)
        assert await bench.noted("new", *odd) == set(odd)

    @on_bench
    async def test_what_is_no_text_is_refused(self, bench: Bench) -> None:
        claim = await bench.claim()
        with pytest.raises(BadInput):
            await bench.settle(claim, "fine", "\udcff")
        with pytest.raises(BadInput):
            await bench.noted("\udcff")
        with pytest.raises(BadInput):
            await bench.kept.rest(claim, bench.letter("\udcff".encode(errors="replace").decode(), key="\udcff"))
        assert await bench.noted("fine", "?") == set()


class TestForgetting:
    """What was settled long ago is forgotten, a bounded part at a time."""

    @on_bench
    async def test_the_oldest_first(self, bench: Bench) -> None:
        claim, kept = await bench.claim(), bench.kept
        for id in "abcd":
            await bench.settle(claim, id)
            bench.clock.advance(60)
        before = bench.clock.now() - MINUTE  # d was settled then
        assert await kept.forget(bench.consumer, bench.topic, before, limit=2) == 2
        assert await bench.noted(*"abcd") == {"c", "d"}
        assert await kept.forget(bench.consumer, bench.topic, before) == 1
        assert await kept.forget(bench.consumer, bench.topic, before) == 0
        assert await bench.noted(*"abcd") == {"d"}
        assert await bench.settle(claim, "a", "d") == [True, False]

    @on_bench
    async def test_only_of_that_consumer_and_topic(self, bench: Bench) -> None:
        await bench.settle(await bench.claim(), "a")
        await bench.settle(await bench.kept.claim(bench.consumer, "another", 0), "a")
        bench.clock.advance(1)
        assert await bench.kept.forget(bench.consumer, "never claimed", bench.clock.now()) == 0
        assert await bench.kept.forget(bench.consumer, "another", bench.clock.now()) == 1
        assert await bench.noted("a") == {"a"}

    @on_bench
    async def test_letters_stay(self, bench: Bench) -> None:
        claim = await bench.claim()
        await bench.rest(claim, bench.letter("r"))
        bench.clock.advance(60)
        assert await bench.kept.forget(bench.consumer, bench.topic, bench.clock.now()) == 0
        assert (await bench.noted("r"), len(await bench.resting())) == ({"r"}, 1)
        await bench.redriven(claim, "r")
        assert await bench.kept.forget(bench.consumer, bench.topic, bench.clock.now()) == 0, "it is settled only now"
        assert await bench.kept.forget(bench.consumer, bench.topic, bench.clock.now() + 1) == 1


class TestRelays:
    """How far relays have come."""

    @on_bench
    async def test_taking_over_and_moving(self, bench: Bench) -> None:
        kept, name = bench.kept, bench.word
        first, position = await kept.take_relay(name)
        assert position == 0
        await kept.move_relay(name, first, 7)
        second, position = await kept.take_relay(name)
        assert (second > first, position) == (True, 7)
        with pytest.raises(Fenced, match=name):
            await kept.move_relay(name, first, 9)
        assert (await kept.relays())[name] == 7
        await kept.move_relay(name, second, 8)
        await kept.move_relay(name, second, 3)
        assert (await kept.relays())[name] == 8

    @on_bench
    async def test_each_has_its_own(self, bench: Bench) -> None:
        kept, one, other = bench.kept, f"{bench.word}-1", f"{bench.word}-2"
        assert one not in await kept.relays()
        epoch, _ = await kept.take_relay(one)
        await kept.take_relay(other)
        await kept.move_relay(one, epoch, 5)
        relays = await kept.relays()
        assert (relays[one], relays[other]) == (5, 0)
        with pytest.raises(Fenced):
            await kept.move_relay("never taken", 1, 5)


class TestReopening:
    """What was acknowledged is there when the place is opened again."""

    @on_bench
    async def test_all_of_it(self, bench: Bench) -> None:
        require(bench, lambda can: can.shared, "shared")
        await bench.table()
        claim = await bench.claim()
        await bench.settle(claim, "a", count="x")
        letter = bench.letter("r", 3)
        await bench.rest(claim, letter)
        epoch, _ = await bench.kept.take_relay(bench.word)
        await bench.kept.move_relay(bench.word, epoch, 4)
        async with bench.open(bench.clock) as again:
            kept = again.delivery
            assert await kept.settled(bench.consumer, bench.topic, ["a", "r", "z"]) == {"a", "r"}
            assert await kept.letters(bench.all) == [letter]
            assert (await kept.relays())[bench.word] == 4
            assert (await kept.claim(bench.consumer, bench.topic, 0)).epoch > claim.epoch
            with pytest.raises(Fenced):
                await bench.settle(claim, "b", count="x")

    @on_bench
    async def test_two_at_once_count_once(self, bench: Bench) -> None:
        require(bench, lambda can: can.shared, "shared")
        await bench.table()
        async with bench.open(bench.clock) as other:
            one, two = await bench.claim(0), await other.delivery.claim(bench.consumer, bench.topic, 1)
            both = [(bench.kept, one), (other.delivery, two)]
            calls = [
                kept.settle([Settled(claim, str(n), [bench.counting("x")])], bench.names)
                for n in range(15)
                for kept, claim in both
            ]
            assert sum(done == [True] for done in await together(*calls)) == 15
            assert await bench.tally() == {"x": 15}
