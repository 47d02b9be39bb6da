# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Receivers of call-backs that fail in every way, and then become well."""

import time

import pytest
from receiver import HABITS, Receiver
from support.book import DONE, LINK, Book, new_ids

EACH = 3  #: messages for each unwell receiver
ITEMS = 20
#: so that attempts fail and come again sooner than in an installation
SETTINGS = {"networks": "127.0.0.0/8", "http": "1", "seconds": "3"}
UNWELL = 25  #: seconds that receivers are unwell
PROMPT = 15  #: seconds for the call-back of somebody whose receiver is well
PATIENCE = 120  #: seconds until every call-back has arrived
ADMINISTRATOR = ("admin", "admin")
APPROVER = ("administrator", "administrator")
JOB = "<g2p.spar.transaction>._job_call_back"
ALL_VERBS = ("may_link", "may_update", "may_unlink", "may_resolve")


@pytest.fixture(scope="module")
def set_up(spar):
    """Function that makes a client with a receiver; attempts follow each other fast."""
    call = spar.odoo_rpc(*ADMINISTRATOR)
    approve = spar.odoo_rpc(*APPROVER)
    for name, value in SETTINGS.items():
        parameter = f"g2p_spar_mapper.callback_{name}"
        call("ir.config_parameter", "set_param", parameter, value)
    (function,) = call("queue.job.function", "search", [("name", "=", JOB)])
    call("queue.job.function", "write", [function], {"edit_retry_pattern": "{1: 5}"})

    def make(code, *receivers):
        values = {
            "name": code,
            "code": code,
            "organisation": "faults",
            "purpose": "faults",
            "state": "live",
            "credentialless": True,
            "networks": "127.0.0.0/8",
            "callback_allowed": "\n".join(receiver.url for receiver in receivers),
        }
        values |= dict.fromkeys(ALL_VERBS, True)
        (client,) = call("g2p.spar.client", "create", [values])
        approve("g2p.spar.client", "action_approve", [client])

    return make


def test_call_backs(spar, set_up):
    unwell = {habit: Receiver(habit) for habit in HABITS}
    absent = unwell["absent"] = Receiver(listens=False)
    well = Receiver()
    name = f"faults{time.monotonic_ns()}"
    set_up(f"{name}-unwell", *unwell.values())
    set_up(f"{name}-well", well)
    book, promised = Book(spar.base_url), {}

    def hand_in(sender, uri):
        message = book.write(LINK, new_ids(ITEMS), sender_id=sender, sender_uri=uri)
        promised[book.hand_in(message)] = message

    try:
        for _number in range(EACH):
            for receiver in unwell.values():
                hand_in(f"{name}-unwell", f"{receiver.url}/results")
        slowest = _others_are_served(book, well, hand_in, name)
        tried = {habit: receiver.attempts for habit, receiver in unwell.items()}
        assert all(tried[habit] for habit in HABITS), f"tried: {tried}"
        for receiver in unwell.values():
            receiver.habit = None
        absent.listen()
        receivers = (well, *unwell.values())
        _wait_for(lambda: sum(len(one.taken) for one in receivers) >= len(promised))
        time.sleep(2)  # one too many would come now
        for receiver in receivers:
            for body in receiver.taken:
                correlation_id = body["message"]["correlation_id"]
                # KeyError: nobody asked for it, or it came twice
                book.take(promised.pop(correlation_id), body)
        assert not promised
        assert not any(receiver.was_led_on for receiver in receivers)
    finally:
        for receiver in (well, *unwell.values()):
            receiver.stop()
    for message in book.messages:
        message.assert_done()
    print(
        f"{sum(len(one.taken) for one in receivers)} call-backs promised and arrived; "
        f"tried while unwell: {tried}; slowest to one that is well: {slowest:.1f} s"
    )
    print(book.check(spar))


def _others_are_served(book, well, hand_in, name):
    """While receivers are unwell, others have their call-backs and answers in time.

    :return: seconds that the slowest call-back took
    """
    slowest = 0
    end = time.monotonic() + UNWELL
    while time.monotonic() < end:
        expected = len(well.taken) + 1
        before = time.monotonic()
        hand_in(f"{name}-well", well.url)
        _wait_for(lambda expected=expected: len(well.taken) >= expected, PROMPT)
        slowest = max(slowest, time.monotonic() - before)
        message = book.write(LINK, new_ids(ITEMS))
        assert book.send(message, timeout=PROMPT) == DONE
    return slowest


def _wait_for(condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {patience} s"
        time.sleep(0.1)
