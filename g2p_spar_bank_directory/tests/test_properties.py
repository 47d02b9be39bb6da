# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What holds for every address, tried on made-up ones."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .. import grammar
from ..exceptions import AddressError
from .common import DirectoryCommon

#: few examples, the same ones each time, and no clock: a slow machine is no fault
quick = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)

#: pieces of the formats themselves, with which an answer could pose as two
LOOKALIKES = [
    ".branch_code:",
    ".branch_name:EVIL",
    ".bank_code:OBANK",
    ".fa_type:bank",
    ".wallet_provider_code:",
    "account:",
    "@",
    "..",
    ":",
    "_",
    "\n",
    "\u202e",
    "{fa_type}",
]
answers = st.lists(
    st.text("0123456789", min_size=6, max_size=12)
    | st.sampled_from(LOOKALIKES)
    | st.text(max_size=6),
    min_size=1,
    max_size=4,
).map("".join)


class TestAddressProperties(DirectoryCommon):
    def round_trip(self, account_type, **given_answers):
        """Compose an address and read it back; refusals are fine."""
        try:
            written = account_type._compose(given_answers)
        except AddressError as err:
            self.assertTrue(err.errors)
            return None
        (read,) = self.AccountType._parse_addresses([written.fa], strict=True)
        self.assertNotIsInstance(read, AddressError)
        self.assertEqual(read, written)
        return written

    @quick
    @given(answers)
    def test_bank_accounts_come_back(self, number):
        written = self.round_trip(
            self.bank_type,
            fsp=self.bank.id,
            branch=self.branch.id,
            account_number=number,
        )
        if written:
            self.assertEqual(written.fsp_code, "QWBANK")
            self.assertEqual(written.branch_code, "TB001")

    @quick
    @given(answers)
    def test_wallets_come_back(self, number):
        self.round_trip(self.mobile_type, fsp=self.wallet.id, mobile_number=number)
        self.round_trip(
            self.email_type,
            fsp=self.email_wallet.id,
            email_address=f"{number}@example.org",
        )

    @quick
    @given(st.text(max_size=200) | answers)
    def test_any_text_is_read_or_refused(self, text):
        for strict in (True, False):
            (read,) = self.AccountType._parse_addresses([text], strict)
            if not isinstance(read, AddressError):
                self.assertEqual(read.fa, text)

    @quick
    @given(st.data())
    def test_no_format_reads_something_else(self, data):
        """Whatever stands in the places: it comes back, or the text is refused."""
        strategies = self.Strategy.search([("state", "=", "active")])
        strategy = data.draw(st.sampled_from(list(strategies)))
        _literals, names = grammar.split_template(strategy.construct_template)
        components = {name: data.draw(answers) for name in names}
        if strategy.deconstruct_pattern:
            return  # written by hand: compose() asks it before it uses it
        text = grammar.construct(strategy.construct_template, components)
        compiled = re.compile(strategy.pattern)
        self.assertIn(grammar.deconstruct(compiled, text), (None, components))
