"""The oracle itself: it passes what is right and fails, for each invariant, on a forged ledger."""

import dataclasses

import pytest
from ledger import (
    Breach,
    Closed,
    Delivered,
    Figures,
    Gap,
    Position,
    Published,
    Reset,
    Subscribed,
    View,
    check,
    check_codes,
    check_pace,
    check_process,
    check_secrets,
    documented,
    p99,
)

SENT = [Published("a", f"e{n}", "acked", "k", n) for n in range(1, 8)]


def delivered(*sequences):
    return [Delivered("a", n, f"e{n}") for n in sequences]


def view(*entries, waited=7, **more):
    return View("v", [entry for part in entries for entry in (part if isinstance(part, list) else [part])],
                waited={"a": waited}, **more)


HONEST = {
    "everything": view(Subscribed("a", "k", 0), delivered(1, 2, 3, 4, 5, 6, 7)),
    "from the middle": view(Subscribed("a", "k", 3), delivered(4, 5, 6, 7)),
    "a gap is told": view(Subscribed("a", "k", 0), delivered(1), Gap("a", "k", 2, 5), delivered(6, 7)),
    "a filter, told by a position": view(Subscribed("a", "k", 0), delivered(1), Position("a", 6), delivered(7)),
    "cut and resumed": view(
        Subscribed("a", "k", 0), delivered(1, 2), Closed(1006), Subscribed("a", "k", 2, True), delivered(3, 4, 5, 6, 7)
    ),
    "resumed too late": view(
        Subscribed("a", "k", 0), delivered(1), Closed(), Subscribed("a", "k", 1, False), Gap("a", "k", 2, 5),
        delivered(6, 7),
    ),
    "another log": view(
        Subscribed("a", "old", 8), Closed(), Subscribed("a", "k", 0, False), Reset("a", "k", 5), delivered(6, 7)
    ),
    "gone before the end": view(Subscribed("a", "k", 0), delivered(1, 2), Closed(1000)),
    "still on the way": view(Subscribed("a", "k", 0), delivered(1, 2), waited=2),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_ledger_has_no_breach(name):
    assert check(SENT, [HONEST[name]]) == []


FORGED = {
    "I1 the end is missing": ("I1", view(Subscribed("a", "k", 0), delivered(1, 2, 3, 4, 5, 6))),
    "I1 nothing came": ("I1", view(Subscribed("a", "k", 0))),
    "I1 nothing after a resume": (
        "I1", view(Subscribed("a", "k", 0), delivered(1, 2), Closed(), Subscribed("a", "k", 2, True)),
    ),
    "I2 a silent hole": ("I2", view(Subscribed("a", "k", 0), delivered(1, 2, 4, 5, 6, 7))),
    "I2 a hole at the start": ("I2", view(Subscribed("a", "k", 0), delivered(2, 3, 4, 5, 6, 7))),
    "I2 a gap too small": (
        "I2", view(Subscribed("a", "k", 0), delivered(1), Gap("a", "k", 2, 3), delivered(5, 6, 7)),
    ),
    "I2 a gap somewhere else": (
        "I2", view(Subscribed("a", "k", 0), delivered(1, 2), Gap("a", "k", 5, 6), delivered(7)),
    ),
    "I2 recovered, but not from there": (
        "I2", view(Subscribed("a", "k", 0), delivered(1), Closed(), Subscribed("a", "k", 5, True), delivered(6, 7)),
    ),
    "I2 recovered in another epoch": (
        "I2", view(Subscribed("a", "old", 4), Closed(), Subscribed("a", "k", 4, True), delivered(5, 6, 7)),
    ),
    "I2 events before the loss is told": (
        "I2", view(Subscribed("a", "k", 0), delivered(1), Closed(), Subscribed("a", "k", 5, False), delivered(6, 7)),
    ),
    "I3 twice": ("I3", view(Subscribed("a", "k", 0), delivered(1, 2, 2, 3, 4, 5, 6, 7))),
    "I3 out of order": ("I3", view(Subscribed("a", "k", 0), delivered(1, 3, 2, 4, 5, 6, 7))),
    "I3 another event there": ("I3", view(Subscribed("a", "k", 0), Delivered("a", 1, "e2"), delivered(2))),
    "I3 a position goes back": ("I3", view(Subscribed("a", "k", 0), delivered(1, 2), Position("a", 1), delivered(3))),
    "I4 never sent": ("I4", view(Subscribed("a", "k", 7), Delivered("a", 8, "ghost"))),
    "I4 of no subscription": ("I4", view(delivered(1))),
    "I4 after the close": ("I4", view(Subscribed("a", "k", 0), delivered(1), Closed(1000), delivered(2))),
    "I4 not permitted": ("I4", view(Subscribed("a", "k", 0), delivered(1), permitted={"b"}, waited=1)),
    "I4 of another channel": ("I4", view(Subscribed("b", "k", 0), Delivered("b", 1, "e1"))),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_ledger_is_a_breach_of_its_invariant(name):
    invariant, forged = FORGED[name]
    assert invariant in {breach.invariant for breach in check(SENT, [forged])}


def test_a_refused_event_is_not_delivered_and_an_unknown_one_may_be():
    refused, unknown = Published("a", "no", "refused"), Published("a", "perhaps", "unknown")
    seen = view(Subscribed("a", "k", 7), Delivered("a", 8, "perhaps"), waited=8)
    assert check([*SENT, unknown], [seen]) == []
    twice = view(Subscribed("a", "k", 7), Delivered("a", 8, "perhaps"), Delivered("a", 8, "perhaps"))
    assert {breach.invariant for breach in check([*SENT, unknown], [twice])} == {"I3"}
    seen = view(Subscribed("a", "k", 7), Delivered("a", 8, "no"))
    assert {breach.invariant for breach in check([*SENT, refused], [seen])} == {"I4"}


def test_two_subscribers_see_the_same_and_two_acks_are_of_two_places():
    ours, theirs = Published("a", "x", "unknown"), Published("a", "y", "unknown")
    views = [view(Subscribed("a", "k", 7), Delivered("a", 8, name), waited=0) for name in "xy"]
    assert [breach.invariant for breach in check([*SENT, ours, theirs], views)] == ["I3"]
    assert [breach.invariant for breach in check([*SENT, Published("a", "z", "acked", "k", 7)], [])] == ["I3"]


def test_a_control_pair_that_becomes_slow_is_a_breach():
    def slow(pair, witness=(0.001, 0.001), baseline=0.001, floor=0.0):
        before, during = ([seconds] * 200 for seconds in witness)
        return [breach.invariant for breach in check_pace([baseline] * 200, pair, before, during, 3, floor)]

    assert p99([0.001] * 990 + [0.002] * 10) == 0.001
    assert slow([0.0025] * 200) == [] and slow([0.0035] * 200) == ["I5"]
    assert slow([0.001] * 900 + [0.1] * 100) == ["I5"]
    assert slow([0.019] * 200, floor=0.02) == [] and slow([0.021] * 200, floor=0.02) == ["I5"]
    # What the machine keeps the witness waiting for is added, if it did not before, and within bounds.
    assert slow([0.034] * 200, (0.001, 0.016), floor=0.02) == [] and slow([0.036] * 200, (0.001, 0.016), floor=0.02) == ["I5"]
    assert slow([0.021] * 200, (0.016, 0.016), floor=0.02) == ["I5"]
    assert slow([0.041] * 200, (0.001, 0.5), floor=0.02) == ["I5"]
    assert slow([0.001] * 9999 + [1.1]) == ["I5"] and slow([0.001] * 9999 + [1.1], (0.001, 0.2), floor=1.0) == []
    for empty in range(4):
        measured = [[0.001] * 200 if number != empty else [] for number in range(4)]
        assert check_pace(*measured, 3, 1.0) != [], "nothing measured is no success"


def test_a_process_that_leaks_grows_or_dies_is_a_breach():
    before = Figures(alive=True, rss=50 << 20, descriptors=30, tasks=12)
    assert check_process(before, dataclasses.replace(before, descriptors=32), 64 << 20) == []
    for change in ({"descriptors": 33}, {"tasks": 15}, {"rss": 65 << 20}, {"alive": False}):
        found = check_process(before, dataclasses.replace(before, **change), 64 << 20)
        assert [breach.invariant for breach in found] == ["I6"], change


def test_unknown_codes_and_secrets_are_breaches():
    assert {4001, 4504, 1009} <= documented() and 4999 not in documented() and 1000 not in documented()
    assert check_codes([4003, 1009]) == []
    assert check_codes([4999]) == [Breach("I7", "4999 is not in the documented table")]
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
    assert check_secrets({"log": "eyJhbGciOiJIUzI1NiJ9 came"}, [token]) == [], "the header is everybody's"
    for said in (token, "eyJzdWIiOiJhbm4ifQ", "c2lnbmF0dXJl", '{"sub":"ann"}'):
        assert check_secrets({"log": f"a {said} b"}, [token]), said
