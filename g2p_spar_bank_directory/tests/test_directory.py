# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from psycopg2 import IntegrityError

from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DirectoryCommon


@tagged("post_install", "-at_install")
class TestDirectory(DirectoryCommon):
    def search(self, term, **kwargs):
        return self.Fsp._search_directory(term, self.bank_type, **kwargs)

    def test_who_keeps_an_iban(self):
        """By national codes, which are those of branches in some countries."""
        fsps = self.env["g2p.spar.fsp"]
        country = self.env.ref("base.de").id
        bank, house = fsps.create(
            [
                {"name": "Bank", "code": "KEEP1", "country_id": country},
                {
                    "name": "House",
                    "code": "KEEP2",
                    "country_id": country,
                    "national_code": "50010517",
                    "active": False,
                },
            ]
        )
        self.env["g2p.spar.fsp.branch"].create(
            {"fsp_id": bank.id, "name": "Office", "code": "37040044"}
        )
        by_branch, by_code = "DE89370400440532013000", "DE12500105170648489890"
        unknown = ("DE44100000000532013000", "GB29NWBK60161331926819", "XX12", "DE12")
        self.assertEqual(
            fsps._keepers({by_branch, by_code, *unknown}),
            {by_branch: {bank.code}, by_code: {house.code}},
        )

    def test_who_keeps_an_iban_whose_code_has_two_parts(self):
        """In Slovenia the registry's code is that of the bank and of the office."""
        fsps = self.env["g2p.spar.fsp"]
        country = self.env.ref("base.si").id
        bank = fsps.create({"name": "Bank", "code": "KEEPSI", "country_id": country})
        self.env["g2p.spar.fsp.branch"].create(
            {"fsp_id": bank.id, "name": "Office", "code": "26330"}
        )
        iban = "SI56263300012039086"
        self.assertEqual(fsps._keepers({iban}), {iban: {bank.code}})

    def test_codes_are_unique(self):
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.make_fsp("Double", "QWBANK", self.bank_type)

    def test_branch_codes_are_unique_for_a_provider(self):
        self.make_branch(self.other_bank, "Same code elsewhere", "TB001")
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.make_branch(self.bank, "Double", "TB001")

    def test_bad_values(self):
        for vals in (
            {"code": "A B"},
            {"code": "A:B"},
            {"code": "A@B"},
            {"code": "-A"},
            {"code": "x" * 65},
            {"name": "Line\nbreak"},
            {"name": "x" * 256},
            {"bic": "SHORT"},
            {"bic": "deutdedb"},
        ):
            with self.subTest(vals=vals), self.assertRaises(ValidationError):
                self.make_fsp(
                    **{"name": "N", "code": "C", **vals}, account_type=self.bank_type
                )

    def test_search_by_any_part(self):
        for term in ("qwëst", "QWEST BANK", "ltd qwest", "qwbank", " bank   QWEST "):
            records, total = self.search(term)
            self.assertEqual((records, total), (self.bank, 1), term)

    def test_short_words_begin_words(self):
        for term in ("qw", "lt qw", "ba qw"):
            self.assertEqual(self.search(term)[0], self.bank, term)
        self.assertEqual(self.search("qwest es")[1], 0)
        # The same rule holds in memory.
        domain = [("display_name", "ilike", "ba")]
        self.assertEqual((self.bank + self.wallet).filtered_domain(domain), self.bank)

    def test_search_is_by_type(self):
        self.assertEqual(self.search("pesa"), (self.Fsp, 0))
        records, _total = self.Fsp._search_directory("pesa", self.AccountType)
        self.assertIn(self.wallet, records)

    def test_search_skips_archived(self):
        self.bank.active = False
        self.assertEqual(self.search("qwëst bank")[1], 0)
        found = self.Fsp.with_context(active_test=False)
        self.assertEqual(found._search_directory("qwëst bank", self.bank_type)[1], 0)

    def test_prefix_first(self):
        self.make_fsp("A Zebrabank", "AZ1", self.bank_type)
        first = self.make_fsp("Zebrabank", "ZZ1", self.bank_type)
        records, total = self.search("zebra")
        self.assertEqual(total, 2)
        self.assertEqual(records[0], first)

    def test_pages(self):
        made = self.Fsp
        for number in range(7):
            made += self.make_fsp(f"Pagebank {number}", f"PAGE{number}", self.bank_type)
        self.assertEqual(self.search("pagebank", limit=3), (made[:3], 7))
        self.assertEqual(self.search("pagebank", limit=3, offset=6), (made[6:], 7))
        self.assertEqual(self.search("pagebank", limit=3, offset=9), (self.Fsp, 7))
        self.assertEqual(len(self.search("pagebank", limit=10**9)[0]), 7)
        self.assertEqual(len(self.search("pagebank", limit=-5)[0]), 1)

    def test_search_takes_anything(self):
        for term in (None, "", "%", "_", "\\", "'; drop", "\x00", "x" * 10000, "%_%"):
            records, total = self.search(term)
            self.assertGreaterEqual(total, len(records))
        self.assertEqual(self.search("%")[1], 0)
        self.assertGreaterEqual(self.search("")[1], 3)

    def test_branches(self):
        self.branch.city = "Genève"
        for term in ("hauptstrasse", "geneve nord", "tb00"):
            found = self.Branch._search_directory(term, self.bank)
            self.assertEqual(found, (self.branch, 1), term)
        self.assertEqual(self.Branch._search_directory("geneve", self.other_bank)[1], 0)
        self.assertEqual(self.branch.display_name, "Hauptstraße Nord · Genève · TB001")

    def test_screen_search(self):
        found = self.Fsp.search([("display_name", "ilike", "QWËST bank")])
        self.assertEqual(found, self.bank)
        self.assertEqual(self.Fsp.search([("display_name", "=", "QWBANK")]), self.bank)

    def test_branch_count(self):
        self.assertEqual(self.bank.branch_count, 1)
        self.branch.active = False
        self.assertEqual(self.bank.branch_count, 0)

    def test_entries_meant_by_texts_of_a_table(self):
        self.bank.write({"bic": "QWESDEFF", "national_code": "70050000"})
        found = self.Fsp._match_texts(
            ["QWBANK", "qwbank", "QWESDEFF", "70050000", "Other Bank", "OTHER BANK"]
        )
        self.assertEqual(found.pop("Other Bank"), self.other_bank)
        self.assertEqual(found.pop("OTHER BANK"), self.other_bank)
        self.assertEqual(set(found.values()), {self.bank})
        self.assertEqual(len(found), 4)
        twin = self.make_fsp("Other Bank", "TWIN", self.bank_type, "DE")
        twins = self.Fsp._match_texts(["Other Bank"])["Other Bank"]
        self.assertEqual(twins, self.other_bank | twin)
        twin.active = False
        found = self.Fsp._match_texts(["TWIN", "nobody", "", "TWIN\0"])
        self.assertEqual(found, {})
        found = self.Branch._match_texts(["TB001"], [("fsp_id", "=", self.bank.id)])
        self.assertEqual(found, {"TB001": self.branch})
