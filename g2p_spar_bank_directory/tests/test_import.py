# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from collections import Counter
from unittest.mock import patch

from schwifty.domain import Bank

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .. import schwifty_source
from ..exceptions import SparRejectedError
from .common import DirectoryCommon


@tagged("post_install", "-at_install")
class TestSchwiftySource(DirectoryCommon):
    """The mapping, on entries of known content."""

    def read_entries(self, country, *rows):
        entries = [
            Bank(
                country_code=country,
                bank_code=code,
                name=name,
                short_name=short_name,
                bic=bic,
                primary=primary,
                checksum_algo="default",
            )
            for code, name, short_name, bic, primary in rows
        ]
        target = "get_banks_by_country"
        with patch.object(schwifty_source.registry, target, return_value=entries):
            return schwifty_source.read_country(country)

    def test_a_code_is_a_bank(self):
        providers, skipped = self.read_entries(
            "FR",
            ("10096", "CIC", "CIC", "CMCIFRPP", False),
            ("10096", "CIC Lyon", "CIC", "CMCIFRPPLYO", True),
            ("30004", "CIC", "CIC", "CMCIFRPPCOR", True),
        )
        self.assertEqual(
            [(p.codes, p.name, p.offices) for p in providers],
            [(["10096"], "CIC Lyon", []), (["30004"], "CIC", [])],
        )
        self.assertEqual(skipped, Counter({schwifty_source.SEEN: 1}))

    def test_codes_of_one_bank_are_branches(self):
        providers, _skipped = self.read_entries(
            "DE",
            ("14040000", "Bank", "Bank Schwerin", "COBADEFFXXX", True),
            ("13040000", "Bank", "Bank Rostock", "COBADEFF130", True),
            ("99040000", "Bank", "Bank Nirgendwo", None, True),
            ("50010000", "Bank", "Bank", "ELSEDEFFXXX", True),
        )
        self.assertEqual([p.codes[0] for p in providers], ["13040000", "50010000"])
        self.assertEqual(
            [office.office_name for office in providers[0].offices],
            ["Bank Rostock", "Bank Schwerin", "Bank Nirgendwo"],
        )
        self.assertEqual(providers[0].bic, "COBADEFF")
        self.assertEqual(providers[1].offices, [])

    def test_members_of_a_union_are_banks(self):
        providers, _skipped = self.read_entries(
            "DE",
            ("13061128", "Raiffeisenbank", "Raiffbk Doberan", "GENODEF1DBR", True),
            ("20069144", "Raiffeisenbank", "Raiffbk Seester", "GENODEF1SST", True),
        )
        self.assertEqual(
            [p.name for p in providers], ["Raiffbk Doberan", "Raiffbk Seester"]
        )

    def test_ranges_are_no_branches(self):
        providers, _skipped = self.read_entries(
            "BE",
            ("001", "Fortis", "Fortis", "GEBABEBB", True),
            ("002", "Fortis", "Fortis", "GEBABEBB", True),
        )
        self.assertEqual(
            [(p.codes, p.offices) for p in providers], [(["001", "002"], [])]
        )

    def test_bic_stands_in_for_a_code(self):
        providers, skipped = self.read_entries(
            "SA",
            ("", "Al Rajhi", "Al Rajhi", "RJHISARI", True),
            ("", "Nameless", "", None, True),
            ("12 4", "Odd", "", None, True),
        )
        self.assertEqual([p.codes for p in providers], [["RJHISARI"]])
        self.assertEqual(skipped, Counter({schwifty_source.UNUSABLE: 2}))


@tagged("post_install", "-at_install")
class TestImport(DirectoryCommon):
    """The import, with the registry as it is installed."""

    def get_imported(self, country):
        return self.Fsp.with_context(active_test=False).search(
            [("country_id.code", "=", country)]
        )

    def test_twice(self):
        first = self.Fsp._import_schwifty("SI")
        imported = self.get_imported("SI")
        self.assertEqual(first.providers, Counter(new=len(imported)))
        self.assertEqual(first.branches, Counter(new=len(imported.branch_ids)))
        self.assertTrue(imported.branch_ids)
        self.assertEqual(imported.account_type_ids, self.bank_type)
        self.assertTrue(all(code.startswith("SI") for code in imported.mapped("code")))
        second = self.Fsp._import_schwifty("si ")
        self.assertEqual(second.providers, Counter(unchanged=len(imported)))
        self.assertEqual(second.branches, Counter(unchanged=len(imported.branch_ids)))
        self.assertEqual(second.skipped, first.skipped)
        self.assertEqual(self.get_imported("SI"), imported)

    def test_update_keeps_what_people_decided(self):
        self.Fsp._import_schwifty("GE")
        fsp = self.get_imported("GE")[0]
        name, code = fsp.name, fsp.code
        fsp.write({"name": "Old name", "active": False})
        fsp.account_type_ids = self.bank_type + self.mobile_type
        report = self.Fsp._import_schwifty("GE")
        self.assertEqual(report.providers["updated"], 1)
        self.assertEqual(report.providers["new"], 0)
        self.assertEqual((fsp.name, fsp.code, fsp.active), (name, code, False))
        self.assertEqual(fsp.account_type_ids, self.bank_type + self.mobile_type)

    def test_provider_known_under_an_own_code(self):
        report = self.Fsp._import_schwifty("GE")
        fsp = self.get_imported("GE")[0]
        fsp.code = "OWN-CODE"
        again = self.Fsp._import_schwifty("GE")
        self.assertEqual(again.providers["unchanged"], report.providers["new"])
        self.assertEqual(fsp.code, "OWN-CODE")

    def test_branch_numbers_are_no_banks(self):
        """Where a national code is a bank, a branch with the same number is not it."""
        own = self.make_fsp("Own Bank", "OWN", self.bank_type, "GE")
        codes = [p.codes[0] for p in schwifty_source.read_country("GE")[0]]
        for code in codes[:2]:
            self.make_branch(own, "Office", code)
        report = self.Fsp._import_schwifty("GE")
        self.assertEqual(report.providers, Counter(new=len(codes)))
        self.assertEqual((own.name, own.national_code), ("Own Bank", False))

    def test_one_bank_for_each_provider(self):
        """Offices of two banks under one provider: it is the bank of one of them."""
        sources, _skipped = schwifty_source.read_country("SI")
        first, second = [source for source in sources if source.offices][:2]
        mixed = self.make_fsp("Mixed", "MIXED", self.bank_type, "SI")
        for source in first, second:
            self.make_branch(mixed, "Office", source.codes[0])
        report = self.Fsp._import_schwifty("SI")
        self.assertEqual(report.providers, Counter(new=len(sources) - 1, updated=1))
        self.assertEqual(mixed.name, first.name)
        self.assertEqual(len(self.get_imported("SI")), len(sources))

    def test_the_code_decides_before_others(self):
        """A provider made for one bank stays that, whatever its other codes say."""
        sources, _skipped = schwifty_source.read_country("GE")
        first, second = sources[:2]
        fsp = self.make_fsp(
            *("By hand", "GE" + second.codes[0], self.bank_type, "GE"),
            national_code=first.codes[0],
        )
        report = self.Fsp._import_schwifty("GE")
        self.assertEqual(report.providers, Counter(new=len(sources) - 1, updated=1))
        self.assertEqual(fsp.name, second.name)
        self.assertEqual(fsp.national_code, second.codes[0])

    def test_code_of_a_provider_without_country(self):
        (code, *_more) = schwifty_source.read_country("GE")[0][0].codes
        fsp = self.make_fsp("By hand", "GE" + code, self.bank_type)
        report = self.Fsp._import_schwifty("GE")
        self.assertEqual(report.providers["updated"], 1)
        self.assertEqual(fsp.national_code, code)

    def test_code_of_a_provider_of_another_country(self):
        (code, *_more) = schwifty_source.read_country("GE")[0][0].codes
        fsp = self.make_fsp("Elsewhere", "GE" + code, self.bank_type, "KE")
        with self.assertRaises(SparRejectedError) as caught:
            self.Fsp._import_schwifty("GE")
        self.assertIn("GE" + code, caught.exception.message)
        self.assertEqual(fsp.name, "Elsewhere")

    def test_unknown_country(self):
        for country in ("KE", "XX", "", None, "Germany"):
            with self.assertRaises(SparRejectedError):
                self.Fsp._import_schwifty(country)

    def test_user_may_not_import(self):
        user = self.make_user("spar-user", "g2p_spar_bank_directory.group_spar_user")
        with self.assertRaises(AccessError):
            self.Fsp.with_user(user)._import_schwifty("GE")

    def test_wizard(self):
        steward = self.make_user(
            "spar-steward", "g2p_spar_bank_directory.group_spar_steward"
        )
        wizard = (
            self.env["g2p.spar.fsp.import.wizard"]
            .with_user(steward)
            .create({"country_id": self.env.ref("base.ge").id})
        )
        self.assertIn("GE", wizard.country_codes)
        wizard.action_import()
        self.assertEqual(wizard.state, "done")
        self.assertEqual(wizard.line_ids[0].new, len(self.get_imported("GE")))
        domain = wizard.action_open_providers()["domain"]
        self.assertEqual(self.Fsp.search(domain), self.get_imported("GE"))

    def test_wizard_unknown_country(self):
        wizard = self.env["g2p.spar.fsp.import.wizard"].create(
            {"country_id": self.env.ref("base.ke").id}
        )
        with self.assertRaises(UserError):
            wizard.action_import()
        self.assertEqual(wizard.state, "choose")
