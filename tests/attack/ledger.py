"""The oracle of every attack: what publishers and subscribers wrote down, held against what a bridge promises.

A promise that is broken is a `Breach` with the invariant's number:

I1  what was acked reaches every subscriber that was there and was told of no loss
I2  every hole in a subscriber's view is announced before a later event
I3  sequences increase within an epoch, and everybody sees the same event at the same place
I4  nothing is delivered that was never sent, was refused, or is of a channel without a subscription or permission
I5  a control pair on channels of its own loses nothing and keeps its pace
I6  the process lives, its memory is bounded, and its descriptors and tasks come back
I7  every refusal has a code of the documented table, and no secret is in anything that is said

It knows nothing of the bridge's code: sequences and epochs are what is on the wire.
"""

import base64
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Breach:
    invariant: str
    what: str


@dataclasses.dataclass(frozen=True)
class Published:
    """What a publisher knows of an event: `acked`, `refused`, or `unknown` where no answer came."""

    channel: str
    id: str
    outcome: str
    epoch: str = ""
    sequence: int = 0


@dataclasses.dataclass(frozen=True)
class Subscribed:
    channel: str
    epoch: str
    start: int
    recovered: bool | None = None


@dataclasses.dataclass(frozen=True)
class Delivered:
    channel: str
    sequence: int
    id: str


@dataclasses.dataclass(frozen=True)
class Gap:
    channel: str
    epoch: str
    first: int
    last: int


@dataclasses.dataclass(frozen=True)
class Reset:
    channel: str
    epoch: str
    start: int


@dataclasses.dataclass(frozen=True)
class Position:
    channel: str
    sequence: int


@dataclasses.dataclass(frozen=True)
class Closed:
    """The connection ended, by either side."""

    code: int | None = None


@dataclasses.dataclass
class View:
    """What one subscriber saw, in order, over all its connections."""

    name: str
    entries: list = dataclasses.field(default_factory=list)
    permitted: set | None = None
    """The channels that it may see; None: all."""
    waited: dict = dataclasses.field(default_factory=dict)
    """Up to which sequence it waited for each channel's events before it went."""


@dataclasses.dataclass
class Cursor:
    epoch: str
    sequence: int
    owed: bool = False
    """`recovered: false` was said: a gap or reset comes before any event."""
    spans: list = dataclasses.field(default_factory=list)
    """Where it should have everything: (epoch, after, until)."""
    told: set = dataclasses.field(default_factory=set)
    """What it was told that it does not get: (epoch, sequence)."""
    open: bool = True


def check(published, views):
    """Every breach of I1 to I4."""
    breaches, at = [], {}
    outcomes = {event.id: event for event in published}
    for event in published:
        if event.outcome == "acked":
            place = (event.channel, event.epoch, event.sequence)
            if at.setdefault(place, event.id) != event.id:
                breaches.append(Breach("I3", f"{place} was acked for {at[place]} and for {event.id}"))
    for view in views:
        breaches += _check_view(view, outcomes, at)
    return breaches


def _check_view(view, outcomes, at):
    breaches, cursors, got = [], {}, {}

    def breach(invariant, what):
        breaches.append(Breach(invariant, f"{view.name}: {what}"))

    for entry in view.entries:
        if isinstance(entry, Closed):
            for cursor in cursors.values():
                cursor.open = False
            continue
        cursor = cursors.get(entry.channel)
        if isinstance(entry, Subscribed):
            cursors[entry.channel] = _subscribe(entry, cursor, breach)
            continue
        if cursor is None or not cursor.open:
            breach("I4", f"{entry} without a subscription")
            continue
        if isinstance(entry, Gap):
            if entry.epoch != cursor.epoch or entry.first != cursor.sequence + 1 or entry.last < entry.first:
                breach("I2", f"{entry} does not begin behind {cursor.sequence}")
            cursor.told.update((cursor.epoch, sequence) for sequence in range(entry.first, entry.last + 1))
            cursor.sequence, cursor.owed = entry.last, False
        elif isinstance(entry, Reset):
            cursor.epoch, cursor.sequence, cursor.owed = entry.epoch, entry.start, False
            cursor.spans.append([entry.epoch, entry.start, entry.start])
        elif isinstance(entry, Position):
            if entry.sequence < cursor.sequence:
                breach("I3", f"{entry} goes back behind {cursor.sequence}")
            cursor.told.update((cursor.epoch, sequence) for sequence in range(cursor.sequence + 1, entry.sequence + 1))
            cursor.sequence = entry.sequence
        else:
            _deliver(view, entry, cursor, outcomes, at, breach)
            got.setdefault(entry.channel, set()).add(entry.id)
        cursor.spans[-1][2] = cursor.sequence
    for event in outcomes.values():
        cursor = cursors.get(event.channel)
        if event.outcome != "acked" or cursor is None or event.id in got.get(event.channel, ()):
            continue
        waited = view.waited.get(event.channel, 0) if cursor.open else 0
        last = len(cursor.spans) - 1
        there = any(
            epoch == event.epoch and after < event.sequence <= (max(until, waited) if number == last else until)
            for number, (epoch, after, until) in enumerate(cursor.spans)
        )
        if there and (event.epoch, event.sequence) not in cursor.told:
            breach("I1", f"{event} did not come, without a word")
    return breaches


def _subscribe(entry, cursor, breach):
    after = Cursor(entry.epoch, entry.start, owed=entry.recovered is False)
    if cursor is not None:
        after.spans, after.told = cursor.spans, cursor.told
        if entry.recovered and (entry.epoch, entry.start) != (cursor.epoch, cursor.sequence):
            place = f"{cursor.sequence} of {cursor.epoch}"
            breach("I2", f"{entry} says that nothing is missing, but the view ended at {place}")
        # One that was not resumed begins anew; one that was goes on where it stood.
    after.spans.append([entry.epoch, entry.start, entry.start])
    return after


def _deliver(view, entry, cursor, outcomes, at, breach):
    if view.permitted is not None and entry.channel not in view.permitted:
        breach("I4", f"{entry} is of a channel that it may not see")
    if cursor.owed:
        breach("I2", f"{entry} came before the loss was told")
    if entry.sequence <= cursor.sequence:
        breach("I3", f"{entry} is not behind {cursor.sequence}")
    elif entry.sequence > cursor.sequence + 1:
        breach("I2", f"{entry} leaves a hole behind {cursor.sequence} that nobody announced")
    event = outcomes.get(entry.id)
    if event is None:
        breach("I4", f"{entry} was never sent")
    elif event.outcome == "refused":
        breach("I4", f"{entry} was refused")
    elif event.channel != entry.channel:
        breach("I4", f"{entry} was sent to {event.channel}")
    place = (entry.channel, cursor.epoch, entry.sequence)
    if at.setdefault(place, entry.id) != entry.id:
        breach("I3", f"{place} is {entry.id} here and {at[place]} elsewhere")
    elif event is not None and event.outcome == "acked" and (event.epoch, event.sequence) != place[1:]:
        breach("I3", f"{place} is {entry.id}, which was acked at {event.sequence} of {event.epoch}")
    cursor.sequence = max(cursor.sequence, entry.sequence)


def p99(latencies):
    """The 99th percentile: the smallest that 99 of 100 do not exceed."""
    ordered = sorted(latencies)
    return ordered[max(0, -(-len(ordered) * 99 // 100) - 1)]


WORST = 1.0
"""What no event of a control pair may take (seconds)."""


def check_pace(baseline, during, witness_before, witness_during, factor, floor):
    """I5, as far as it is about time: `factor` times the own baseline, or `floor` where that is more (seconds).

    What the witness, which asks no bridge, waits for longer than before is the machine's doing and is added: up to `floor`,
    as a bridge that takes the whole machine makes a witness wait, too."""
    measured = [baseline, during, witness_before, witness_during]
    if min(map(len, measured)) < 100:
        return [Breach("I5", f"{[len(times) for times in measured]} latencies are too few to say anything")]
    late = min(max(p99(witness_during) - p99(witness_before), 0.0), floor)
    allowed = max(factor * p99(baseline), floor) + late
    breaches = []
    if p99(during) > allowed:
        what = f"p99 {p99(during) * 1e3:.1f} ms, allowed are {allowed * 1e3:.1f} ms, of these {late * 1e3:.1f} for the machine"
        breaches.append(Breach("I5", what))
    if max(during) > WORST + max(witness_during):
        breaches.append(Breach("I5", f"an event took {max(during):.1f} s"))
    return breaches


@dataclasses.dataclass(frozen=True)
class Figures:
    """A process from outside: `tasks` are its runtime's, as its metrics say."""

    alive: bool
    rss: int
    descriptors: int
    tasks: int


def check_process(before, after, max_rss):
    """I6. Two per cent, and two where that is less than one."""
    if not after.alive:
        return [Breach("I6", "the process has ended")]
    breaches = []
    if after.rss > max_rss:
        breaches.append(Breach("I6", f"{after.rss >> 20} MiB of memory, allowed are {max_rss >> 20}"))
    for name in ("descriptors", "tasks"):
        was, now = getattr(before, name), getattr(after, name)
        if now > was + max(2, was // 50):
            breaches.append(Breach("I6", f"{now} {name}, {was} before"))
    return breaches


# A polite end, what is never on the wire, and what proxies say.
OTHERS_CODES = {1000, 1005, 1006, 1012, 1013, 1014}


def documented():
    """The codes of docs/protocol.md's tables that a bridge itself may say."""
    page = (ROOT / "docs" / "protocol.md").read_text()
    return {int(code) for code in re.findall(r"^\| ([14]\d\d\d) \|", page, re.MULTILINE)} - OTHERS_CODES


def check_codes(codes):
    """I7, the codes of errors and closes."""
    known = documented()
    return [Breach("I7", f"{code} is not in the documented table") for code in codes if code not in known]


def check_secrets(texts, secrets):
    """I7, what is said: neither a secret nor a part of a token nor what is inside."""
    hidden = {part for secret in secrets for part in _parts(secret)}
    return [
        Breach("I7", f"{name} says {part[:6]}… of a secret")
        for name, text in texts.items()
        for part in sorted(hidden)
        if part in text
    ]


def _parts(secret):
    yield secret
    header, *parts = secret.split(".")
    if len(parts) == 2:
        claims = parts[0]
        # Its header is the same for everybody.
        yield from parts
        with_padding = claims + "=" * (-len(claims) % 4)
        yield base64.urlsafe_b64decode(with_padding).decode(errors="replace")
