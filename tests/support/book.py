# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What callers were told by the API, kept to be compared with what is stored.

A :class:`Book` sends messages and remembers of each whether it was answered. After the
test :meth:`Book.check` reads the ledger and the mappings straight from the database,
and every ID once more through the API. It fails unless what was acknowledged is there,
once, in a legal order, and what was not acknowledged is there as a whole or not at all.
"""

import itertools
import json
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import requests

LINK, UPDATE, UNLINK, RESOLVE = "link", "update", "unlink", "resolve"
SENDER = "demo-client"

DONE = "done"  #: answered with results
LATER = "later"  #: 503 with Retry-After: nothing is known about it
CUT = "cut"  #: the connection was refused or went away: nothing is known about it

#: A link draws its number and time and then may wait for other IDs of its batch, while
#: somebody links and unlinks the same ID. So rare is that in the worst of races.
OVERTAKEN = 0.002

_ADDRESS = (
    "mobile_number:+2547{number:08}"
    ".wallet_provider_name:M-PESA (Safaricom)"
    ".wallet_provider_code:MPESA-KE"
    ".fa_type:mobile_wallet_provider"
)
_numbers = itertools.count(1)


def new_address():
    """A financial address that no other call gives."""
    return _ADDRESS.format(number=next(_numbers))


def new_ids(count):
    """IDs that nobody has used."""
    return [f"token:{uuid.uuid4().hex}@nationalId" for _number in range(count)]


@dataclass
class Deed:
    """One item of a message: what is to be done with one ID."""

    wire_id: str
    operation: str
    address: str
    reference: str
    message: "Message" = field(repr=False, default=None)
    result: dict = field(repr=False, default=None)  #: as answered, or None
    event: dict = field(repr=False, default=None)  #: row of the ledger, once checked
    place: int = field(repr=False, default=0)  #: among the changes of its ID

    @property
    def acknowledged(self):
        """Whether the caller was told that it is done."""
        return bool(self.result) and self.result["status"] == "succ"

    @property
    def is_observation(self):
        """Whether the answer only tells in which state the ID was."""
        return self.operation == RESOLVE or not self.acknowledged


@dataclass
class Message:
    """One message; it is sent again byte by byte as it was."""

    operation: str
    deeds: list[Deed]
    transaction_id: str
    body: bytes = field(repr=False)
    sent_at: float = 0.0  #: first attempt, seconds of the monotonic clock
    answered_at: float = float("inf")  #: when it had an answer
    attempts: int = 0

    @property
    def answered(self):
        return self.answered_at < float("inf")

    def assert_done(self):
        """Every item was acknowledged."""
        refused = [deed.result for deed in self.deeds if not deed.acknowledged]
        assert not refused, f"{len(refused)} refused, one of them: {refused[0]}"


class Book:
    """Sends messages to one address and keeps what became of them.

    :param str base_url: of the server that shall answer
    :param linked: IDs that have been linked, once, by others before
    """

    def __init__(self, base_url, linked=()):
        self.base_url = base_url
        self.linked = frozenset(linked)
        self.messages = []
        self.seen = {DONE: 0, LATER: 0, CUT: 0}

    # --------------------------------------------------------------------- sending

    def write(self, operation, ids, addresses=None, **header):
        """Write a message about these IDs, with new addresses unless some are given.

        :param header: members that are to be different
        :rtype: Message
        """
        needs = operation in (LINK, UPDATE)
        addresses = addresses or [new_address() if needs else "" for _id in ids]
        now = datetime.now(UTC).isoformat()
        deeds = [
            Deed(wire_id, operation, address, uuid.uuid4().hex)
            for wire_id, address in zip(ids, addresses, strict=True)
        ]
        items = [
            {"reference_id": deed.reference, "timestamp": now, "id": deed.wire_id}
            | ({"fa": deed.address} if deed.address else {})
            | ({"scope": "details"} if operation == RESOLVE else {})
            for deed in deeds
        ]
        transaction_id = uuid.uuid4().hex
        content = {
            "header": {
                "version": "1.0.0",
                "message_id": uuid.uuid4().hex,
                "message_ts": now,
                "action": operation,
                "sender_id": SENDER,
                "total_count": len(items),
                **header,
            },
            "message": {
                "transaction_id": transaction_id,
                f"{operation}_request": items,
            },
        }
        message = Message(
            operation, deeds, transaction_id, json.dumps(content).encode()
        )
        for deed in deeds:
            deed.message = message
        self.messages.append(message)
        return message

    def send(self, message, session=requests, timeout=60):
        """Send a message once, for the first time or again.

        :param session: a ``requests.Session`` of the calling thread
        :param float timeout: seconds without a byte after which the test fails
        :return: DONE, LATER or CUT
        :raise AssertionError: the answer is none of these
        """
        message.attempts += 1
        message.sent_at = message.sent_at or time.monotonic()
        try:
            response = session.post(
                f"{self.base_url}/mapper/sync/{message.operation}",
                data=message.body,
                headers={"Content-Type": "application/json"},
                timeout=timeout,
            )
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return self._count(CUT)
        if response.status_code == 503:
            assert_put_off(response)
            return self._count(LATER)
        return self._count(DONE if self.note(message, response) else LATER)

    def note(self, message, response):
        """Keep the answer to a message.

        :return: False when it says that the same message is still being processed
        """
        assert response.status_code == 200, _describe(response)
        answer = response.json()
        if answer["header"].get("status_reason_code") == "rjct.message_id.duplicate":
            assert "is being processed" in answer["header"]["status_reason_message"]
            return False
        self.take(message, answer)
        return True

    @staticmethod
    def take(message, answer):
        """Keep the results of a message, as answered or called back."""
        results = answer["message"][f"{message.operation}_response"]
        by_reference = {result["reference_id"]: result for result in results}
        assert len(by_reference) == len(results) == len(message.deeds)
        for deed in message.deeds:
            result = by_reference[deed.reference]
            if deed.result:  # answered before: the stored answer
                assert result["status"] == deed.result["status"], result
            deed.result = result
        message.answered_at = min(message.answered_at, time.monotonic())

    def hand_in(self, message, session=requests, timeout=60):
        """Send a message to be processed later.

        :return: the correlation id it was given, or None when there was no Ack
        """
        message.attempts += 1
        message.sent_at = message.sent_at or time.monotonic()
        try:
            response = session.post(
                f"{self.base_url}/mapper/{message.operation}",
                data=message.body,
                headers={"Content-Type": "application/json"},
                timeout=timeout,
            )
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            self._count(CUT)
            return None
        if response.status_code == 503:
            assert_put_off(response)
            self._count(LATER)
            return None
        assert response.status_code == 200, _describe(response)
        ack = response.json()["message"]
        assert ack["ack_status"] == "ACK", ack
        self._count(DONE)
        return ack["correlation_id"]

    def insist(self, message, session=requests, patience=90):
        """Send a message again and again until it is answered.

        :param float patience: seconds after which the test fails
        """
        end = time.monotonic() + patience
        while self.send(message, session) != DONE:
            assert time.monotonic() < end, "the service does not return"
            time.sleep(0.2)

    def _count(self, kind):
        self.seen[kind] += 1
        return kind

    # -------------------------------------------------------------------- checking

    def check(self, spar, resolve_url=None):
        """Compare what was acknowledged with what is stored.

        :param RunningSpar spar: for its database
        :param str resolve_url: server to resolve at, by default that of the messages
        :return: what was counted, as a line of text
        """
        changes = [msg for msg in self.messages if msg.operation != RESOLVE]
        events = self._read_events(spar, changes)
        self._check_messages(changes, events)
        last = self._check_histories(changes, events)
        self._check_periods(spar, last.values(), events)
        self._check_resolved(last, resolve_url or self.base_url)
        done = [deed for msg in changes for deed in msg.deeds if deed.acknowledged]
        unknown = [msg for msg in changes if not msg.answered]
        stored = sum(1 for msg in unknown if msg.deeds[0].reference in events)
        return (
            f"{len(changes)} messages, {len(done)} changes acknowledged, "
            f"{len(events)} in the ledger, {len(last)} IDs read back; "
            f"{len(unknown)} messages without an answer, {stored} of them stored; "
            f"answers {self.seen[DONE]}, put off {self.seen[LATER]}, "
            f"cut off {self.seen[CUT]}"
        )

    @staticmethod
    def _read_events(spar, changes):
        """Rows of the ledger by the reference of the deed they record."""
        rows = spar.psql(
            "SELECT e.id, e.verb, e.reference, e.at, e.mapping_id,"
            "       e.previous_mapping_id, m.id_key"
            "  FROM g2p_spar_mapping_event e JOIN g2p_spar_mapping m"
            "    ON m.id = e.mapping_id"
            " WHERE e.transaction = ANY(%s) ORDER BY e.id",
            [[message.transaction_id for message in changes]],
        )
        events = {row["reference"]: row for row in rows}
        doubled = len(rows) - len(events)
        assert not doubled, f"{doubled} changes are in the ledger twice"
        return events

    @staticmethod
    def _check_messages(changes, events):
        """Acknowledged is stored, refused is not, and nothing is half done."""
        for message in changes:
            there = [deed.reference in events for deed in message.deeds]
            if message.answered:
                told = [deed.acknowledged for deed in message.deeds]
                assert there == told, f"told {told}, stored {there}: {message}"
            else:
                assert len(set(there)) == 1, f"half of it is stored: {message}"

    def _check_histories(self, changes, events):
        """The order of changes of each ID is possible; return the last one of each.

        :return: the last :class:`Deed` of each ID that is in the ledger, by ID
        """
        histories = {}
        for message in changes:
            for deed in message.deeds:
                deed.event = events.get(deed.reference)
                if deed.event:
                    histories.setdefault(deed.wire_id, []).append(deed)
        last, overtaken = {}, 0
        for wire_id, deeds in histories.items():
            assert len({deed.event["id_key"] for deed in deeds}) == 1
            deeds, count = _in_order(deeds, wire_id in self.linked)
            overtaken += count
            is_linked = wire_id in self.linked
            sent_at = 0
            for place, deed in enumerate(deeds):
                deed.place = place
                assert deed.event["verb"] == deed.operation
                assert (deed.operation == LINK) == (not is_linked), "impossible order"
                is_linked = deed.operation != UNLINK
                # what was answered before another was sent has happened before it
                sent_at = max(sent_at, deed.message.sent_at)
                assert sent_at <= deed.message.answered_at, "impossible order"
            last[wire_id] = deeds[-1]
        assert overtaken <= len(events) * OVERTAKEN, f"{overtaken} links out of order"
        if overtaken:
            print(
                f"{overtaken} links have a number from before the removal they follow"
            )
        return last

    def _check_periods(self, spar, last, events):
        """One live mapping for each ID that is linked, and one period per address."""
        periods = Counter(
            row["id_key"] for row in events.values() if row["verb"] != UNLINK
        )
        expected = {}
        for deed in last:
            id_key = deed.event["id_key"]
            before = deed.wire_id in self.linked
            live = int(deed.operation != UNLINK)
            expected[id_key] = (live, periods[id_key] + before)
        rows = spar.psql(
            "SELECT id_key, count(*) AS periods,"
            "       count(*) FILTER (WHERE closed_at IS NULL) AS live,"
            "       count(*) FILTER (WHERE closed_at < opened_at) AS backwards"
            "  FROM g2p_spar_mapping WHERE id_key = ANY(%s) GROUP BY id_key",
            [list(expected)],
        )
        assert not sum(row["backwards"] for row in rows)
        found = {row["id_key"]: (row["live"], row["periods"]) for row in rows}
        assert found == expected

    @staticmethod
    def _check_resolved(last, url):
        """The API gives the address of the last change, or says that there is none."""
        book = Book(url)
        ids = list(last)
        for start in range(0, len(ids), 1000):
            message = book.write(RESOLVE, ids[start : start + 1000])
            book.insist(message)
            for deed in message.deeds:
                latest = last[deed.wire_id]
                if latest.operation == UNLINK:
                    assert deed.result["status_reason_code"] == "succ.id.not_found"
                else:
                    assert deed.result["status_reason_code"] == "succ.id.active"
                    assert deed.result["fa"] == latest.address


def _in_order(deeds, is_linked):
    """Changes of one ID as they happened, and how many links have too early a number.

    From a link to its removal each row names the period of the one before.

    :param bool is_linked: whether the first of them finds a link of somebody else
    """
    by_period, lives = {}, []
    for deed in sorted(deeds, key=lambda deed: deed.event["id"]):
        event = deed.event
        earlier = event["previous_mapping_id"]
        if deed.operation == UNLINK:
            earlier = event["mapping_id"]
        life = by_period.get(earlier)
        if life is None:
            is_first = deed.operation != LINK and is_linked and not lives
            assert deed.operation == LINK or is_first, "a change of nothing"
            life = []
            lives.append(life)
        life.append(deed)
        by_period[event["mapping_id"]] = life
    still = [life for life in lives if life[-1].operation != UNLINK]
    assert len(still) <= 1, "two live mappings"
    over = [life for life in lives if life[-1].operation == UNLINK]
    over.sort(key=lambda life: life[-1].event["id"])
    lives = over + still
    overtaken = 0
    for earlier, later in itertools.pairwise(lives):
        overtaken += later[0].event["id"] < earlier[-1].event["id"]
    for life in lives:
        times = [deed.event["at"] for deed in life]
        assert times == sorted(times), "time runs backwards"
    return [deed for life in lives for deed in life], overtaken


def assert_put_off(response):
    """A 503 says when to come again and nothing else."""
    assert int(response.headers["Retry-After"]) > 0, _describe(response)
    (error,) = response.json()["errors"]
    assert error["code"] == "err.service.unavailable", error
    assert "Traceback" not in response.text


def _describe(response):
    return f"{response.status_code}: {response.text[:500]}"


def at_once(count, run):
    """Run ``run(number)`` in as many threads; give what they return.

    The first failure of a thread is raised once all have ended.
    """
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
