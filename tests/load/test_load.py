# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A minute of mixed calls against 100,000 mappings, every answer checked.

It measures, too, but compares with nobody: that is what ``setup/bench`` is for.
"""

import itertools
import random
import threading
import time
from collections import Counter
from statistics import quantiles

import psutil
import pytest
import requests
from support.book import (
    DONE,
    LINK,
    RESOLVE,
    UNLINK,
    UPDATE,
    Book,
    at_once,
    new_address,
    new_ids,
)

MAPPINGS = 100_000
BATCH = 5_000
CALLERS = 8
SECONDS = 60
#: operation, items, and how often it is chosen
MIX = (
    (RESOLVE, 1, 40),
    (RESOLVE, 100, 20),
    (RESOLVE, 1000, 5),
    (LINK, 50, 15),
    (UPDATE, 50, 15),
    (UNLINK, 20, 5),
)
GROWTH = 100  # MB that a process may grow while it warms up to its work


@pytest.fixture(scope="module")
def filled(spar):
    """The mappings: address by ID, a part of them for each caller."""
    shares = [{} for _number in range(CALLERS)]
    book = Book(spar.api_url)

    def fill(number):
        session = requests.Session()
        for _batch in range(MAPPINGS // BATCH // 4):
            ids = new_ids(BATCH)
            addresses = [new_address() for _id in ids]
            message = book.write(LINK, ids, addresses)
            assert book.send(message, session, timeout=120) == DONE
            message.assert_done()
            known = dict(zip(ids, addresses, strict=True))
            for position, wire_id in enumerate(ids):
                shares[position % CALLERS][wire_id] = known[wire_id]

    start = time.monotonic()
    at_once(4, fill)
    print(f"{MAPPINGS} mappings linked in {time.monotonic() - start:.0f} s")
    spar.psql("ANALYZE g2p_spar_mapping")
    return shares


class Caller:
    """Calls at random and knows what has to come back.

    :param dict share: address by ID of the IDs that nobody else changes
    """

    def __init__(self, book, share, number):
        self.book = book
        self.share = share
        self.ids = list(share)
        self.gone = []
        self.chance = random.Random(number)
        self.session = requests.Session()
        self.times = {}
        self.items = Counter()

    def run(self, over):
        operations = [(operation, items) for operation, items, _often in MIX]
        weights = [often for _operation, _items, often in MIX]
        while not over.is_set():
            ((operation, items),) = self.chance.choices(operations, weights)
            getattr(self, operation)(items)

    def resolve(self, items):
        absent = self.gone[: items // 20]
        asked = self.chance.sample(self.ids, items - len(absent))
        message = self._send(RESOLVE, asked + absent)
        for deed in message.deeds:
            expected = self.share.get(deed.wire_id)
            code = "succ.id.active" if expected else "succ.id.not_found"
            assert deed.result["status_reason_code"] == code
            assert deed.result["fa"] == (expected or "")

    def link(self, items):
        ids = new_ids(items)
        self._change(LINK, ids)
        self.ids += ids

    def update(self, items):
        self._change(UPDATE, self.chance.sample(self.ids, items))

    def unlink(self, items):
        self.chance.shuffle(self.ids)
        ids, self.ids = self.ids[:items], self.ids[items:]
        self._change(UNLINK, ids)
        self.gone += ids

    def _change(self, operation, ids):
        message = self._send(operation, ids)
        message.assert_done()
        for deed in message.deeds:
            self.share[deed.wire_id] = deed.address or None

    def _send(self, operation, ids):
        message = self.book.write(operation, ids)
        assert self.book.send(message, self.session) == DONE
        taken = message.answered_at - message.sent_at
        self.times.setdefault((operation, len(ids)), []).append(taken)
        self.items[operation] += len(ids)
        return message


def _memory(instance):
    """MB of memory that each process of an instance has for itself, by process id."""
    mark = str(instance.folder)
    return {
        process.pid: process.memory_full_info().uss >> 20
        for process in psutil.process_iter(["cmdline"])
        if any(mark in part for part in process.info["cmdline"] or [])
    }


def test_load(spar, filled):
    book = Book(spar.api_url, itertools.chain(*filled))
    callers = [Caller(book, share, number) for number, share in enumerate(filled)]
    over = threading.Event()
    timer = threading.Timer(SECONDS, over.set)
    _warm_up(callers)
    before = _memory(spar.instance)
    start = time.monotonic()
    timer.start()
    try:
        at_once(CALLERS, lambda number: callers[number].run(over))
    finally:
        timer.cancel()
        over.set()
    seconds = time.monotonic() - start
    after = _memory(spar.instance)
    _report(callers, seconds)
    print(f"answers {book.seen}")
    print(f"memory of each process: before {before}, after {after} MB")
    assert before.keys() == after.keys(), "a process has ended"
    grown = {pid: after[pid] - before[pid] for pid in after}
    assert max(grown.values()) < GROWTH, f"grown by {grown} MB"
    print(book.check(spar))


def _warm_up(callers):
    for caller in callers:
        for operation, items, _often in MIX:
            getattr(caller, operation)(items)
        caller.times.clear()
        caller.items.clear()


def _report(callers, seconds):
    times, items = {}, Counter()
    for caller in callers:
        items.update(caller.items)
        for kind, taken in caller.times.items():
            times.setdefault(kind, []).extend(taken)
    total = sum(items.values())
    print(f"{total} items in {seconds:.0f} s: {total / seconds:.0f} a second")
    for operation, count in sorted(items.items()):
        print(f"  {operation:8} {count:8} items, {count / seconds:7.0f} a second")
    for (operation, size), taken in sorted(times.items()):
        if len(taken) > 10:
            cuts = quantiles(taken, n=20)
            print(
                f"  {operation:8} of {size:5}: {len(taken):6} messages,"
                f" median {cuts[9] * 1000:6.0f} ms, 95 % {cuts[18] * 1000:6.0f} ms"
            )
