# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What holds for every ID and every message, tried on made-up ones."""

import itertools
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, TransactionCase

from .. import outcomes as oc
from ..g2p_connect import checks, codes, envelope, messages

#: few examples, the same ones each time, and no clock: a slow machine is no fault
quick = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)

PREFIX, SUFFIX = "token:", "@nationalId"
printable = st.text(
    st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=60
)
#: any text that JSON in UTF-8 can carry
anything = st.text(st.characters(codec="utf-8"), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | anything,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3)
    ),
    max_leaves=8,
)


def spelt(text, capitals):
    """``text`` with capitals where ``capitals`` says so."""
    pairs = zip(text, itertools.cycle(capitals or [False]), strict=False)
    return "".join(c.upper() if big else c.lower() for c, big in pairs)


class TestIdProperties(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.id_types = cls.env["g2p.spar.id.type"]
        cls.national = cls.env.ref("g2p_spar_mapper.id_type_national_id")

    def parse(self, wire_id):
        return self.id_types._parse_ids([wire_id])[0]

    def key(self, parsed):
        return self.id_types._keys([parsed])[0]

    @quick
    @given(st.text(max_size=300) | st.none() | st.integers() | st.binary())
    def test_never_raises(self, wire_id):
        parsed = self.parse(wire_id)
        if parsed:
            self.assertTrue(wire_id.isprintable())
            self.assertEqual(wire_id, wire_id.strip())
            self.assertIn(parsed.value, wire_id)
            self.assertTrue(self.key(parsed))

    @quick
    @given(printable, st.lists(st.booleans()), st.lists(st.booleans()))
    def test_capitals_count_in_the_value_only(self, value, one, two):
        first = self.parse(PREFIX + value + SUFFIX)
        second = self.parse(spelt(PREFIX, one) + value + spelt(SUFFIX, two))
        if not first:  # the type's pattern does not have it
            self.assertFalse(second)
            return
        self.assertEqual(first, second)
        self.assertEqual((first.id_type_id, first.value), (self.national.id, value))
        self.assertEqual(self.key(first), self.key(second))
        other = self.parse(PREFIX + value.swapcase() + SUFFIX)
        if other and value.swapcase() != value:
            self.assertNotEqual(self.key(first), self.key(other))

    @quick
    @given(printable, printable)
    def test_different_ids_have_different_keys(self, one, two):
        first, second = self.parse(one), self.parse(two)
        if first and second:
            same = (first.rule.code, first.value) == (second.rule.code, second.value)
            self.assertEqual(self.key(first) == self.key(second), same)


none_given = st.just("")


def link_items():
    info = st.lists(st.dictionaries(anything, values, max_size=3), max_size=3)
    return st.builds(oc.LinkItem, *[anything] * 4, info, reference=none_given)


ITEMS = {
    "link": link_items(),
    "update": link_items(),
    "unlink": st.builds(oc.UnlinkItem, anything, anything, reference=none_given),
    "resolve": st.builds(
        oc.ResolveItem,
        anything,
        anything,
        st.sampled_from([oc.YES_NO, oc.DETAILS]),
        none_given,
    ),
}
batches = st.sampled_from(messages.OPERATIONS).flatmap(
    lambda operation: st.tuples(
        st.just(operation), st.lists(ITEMS[operation], max_size=4)
    )
)


class TestEnvelopeProperties(BaseCase):
    @quick
    @given(batches, anything, anything)
    def test_requests_arrive_as_they_were_sent(self, batch, sender, transaction):
        operation, items = batch
        request = envelope.build_request(
            operation, items, sender_id=sender, transaction_id=transaction
        )
        read = messages.decode_request(request.body)
        self.assertEqual(read.header.sender_id, sender)
        self.assertEqual(read.header.total_count, len(items))
        fault = checks.header_fault(operation, read.header, len(items), True, 100)
        self.assertEqual(bool(fault), not items)
        transaction_id, read_items = messages.decode_request_message(
            operation, read.message
        )
        self.assertEqual(transaction_id, transaction or transaction_id)
        arrived = envelope.service_items(operation, read_items)
        expected = [
            item._replace(reference=reference)
            for item, reference in zip(items, request.references, strict=True)
        ]
        if operation in ("link", "update"):  # nothing and an empty list are the same
            arrived = [
                item._replace(additional_info=item.additional_info or [])
                for item in arrived
            ]
        self.assertEqual(arrived, expected)

    @quick
    @given(batches, st.data())
    def test_answers_are_read_as_they_were_meant(self, batch, data):
        operation, items = batch
        # these come without a doubt through both dialects, whatever was asked
        meant = [oc.OK, oc.INVALID_REFERENCE, oc.INVALID_TIMESTAMP]
        outcomes = [
            oc.Outcome(data.draw(st.sampled_from(meant)), fa=item.fa or "fa")
            for item in items
        ]
        dialect = data.draw(st.sampled_from(codes.DIALECTS))
        request = envelope.build_request(operation, items)
        read = messages.decode_request(request.body)
        transaction_id, asked = messages.decode_request_message(operation, read.message)
        body = envelope.build_answer(
            operation,
            read.header,
            transaction_id,
            asked,
            outcomes,
            dialect=dialect,
            all_failed_rejects=data.draw(st.booleans()),
        )
        got = envelope.read_answer(operation, items, request.references, body)
        self.assertEqual([one.code for one in got], [one.code for one in outcomes])
        self.assertEqual([one.id for one in got], [item.id for item in items])

    @quick
    @given(st.lists(st.dictionaries(anything, values, max_size=3), max_size=4))
    def test_pairs_are_what_the_specification_has(self, info):
        for pair in envelope.as_pairs(info):
            self.assertEqual(pair.keys(), {"name", "value"})
            self.assertIsInstance(pair["name"], str)
            self.assertIsInstance(pair["value"], str | bool | int | float | dict)

    @quick
    @given(st.sampled_from(messages.OPERATIONS), values | st.binary(max_size=60))
    def test_junk_is_refused_with_one_sentence(self, operation, junk):
        body = junk if isinstance(junk, bytes) else json.dumps(junk).encode()
        for read in (
            lambda: messages.decode_request(body),
            lambda: messages.decode_request_message(operation, body),
            lambda: envelope.read_answer(operation, [], [], body),
        ):
            try:
                read()
            except messages.MessageError as err:
                self.assertNotIn("\n", err.message)

    @quick
    @given(st.sampled_from(messages.OPERATIONS), values, values)
    def test_odd_answers_are_read_or_refused(self, operation, header, results):
        content = {"header": header, "message": {f"{operation}_response": results}}
        item = oc.UnlinkItem("a") if operation == "unlink" else oc.ResolveItem("a")
        try:
            got = envelope.read_answer(
                operation, [item], ["r"], json.dumps(content).encode()
            )
        except messages.MessageError:
            return
        self.assertEqual(len(got), 1)
