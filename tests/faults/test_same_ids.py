# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Callers that all want the same IDs, with every verb, for a minute.

Whatever each of them was told has to be true in one order of events: that of the
ledger. A change that was refused, and a look-up, saw a state that the ID had at some
moment between question and answer.
"""

import random
import time
from collections import Counter

import requests
from support.book import (
    DONE,
    LINK,
    RESOLVE,
    UNLINK,
    UPDATE,
    Book,
    at_once,
    new_ids,
)

CALLERS = 8
IDS = 100
ITEMS = 10
SECONDS = 60
NEVER = float("inf")

#: what a change is refused with when the ID is in the wrong state
WRONG_STATE = {
    LINK: "rjct.reference_id.duplicate",
    UPDATE: "rjct.id.invalid",
    UNLINK: "rjct.id.invalid",
}


def test_same_ids(spar, carrier):
    book = Book(carrier)
    ids = new_ids(IDS)
    end = time.monotonic() + SECONDS

    def run(number):
        chance = random.Random(number)
        session = requests.Session()
        while time.monotonic() < end:
            operation = chance.choice((LINK, UPDATE, UPDATE, UNLINK, RESOLVE))
            message = book.write(operation, chance.sample(ids, ITEMS))
            assert book.send(message, session) == DONE

    at_once(CALLERS, run)
    print(book.check(spar))
    print(_check_states(book))


def _check_states(book):
    """Each answer fits a state its ID had meanwhile; return how many of each."""
    deeds = [deed for message in book.messages for deed in message.deeds]
    states = {}
    for deed in deeds:
        if deed.event:
            states.setdefault(deed.wire_id, []).append(deed)
    for history in states.values():
        history.sort(key=lambda deed: deed.place)
    counted = Counter()
    for deed in deeds:
        answer = deed.result["status_reason_code"] if deed.is_observation else "done"
        counted[f"{deed.operation} {answer}"] += 1
        if deed.is_observation:
            seen = _states_meanwhile(states.get(deed.wire_id, []), deed.message)
            assert _is_possible(deed, seen), f"{deed} among {seen}: {deed.result}"
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))


def _states_meanwhile(history, message):
    """Addresses an ID may have had while a message was under way; "" for none.

    A change happens between its own question and answer, so a state begins at the
    earliest when the change that makes it was asked for, and ends at the latest when
    the next change was answered.
    """
    begins = [0.0, *(deed.message.sent_at for deed in history)]
    ends = [*(deed.message.answered_at for deed in history), NEVER]
    addresses = ["", *("" if d.operation == UNLINK else d.address for d in history)]
    return {
        address
        for begin, end, address in zip(begins, ends, addresses, strict=True)
        if begin <= message.answered_at and end >= message.sent_at
    }


def _is_possible(deed, seen):
    code = deed.result["status_reason_code"]
    if deed.operation == RESOLVE:
        return ("" if code == "succ.id.not_found" else deed.result["fa"]) in seen
    assert code == WRONG_STATE[deed.operation], deed.result
    wanted_live = deed.operation == LINK
    return any(bool(address) == wanted_live for address in seen)
