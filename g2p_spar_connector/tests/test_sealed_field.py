# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Sealed fields of the mapper addon, tried on the changes, which have some of each
kind: closed to all (``wire_id``) and readable for some (``holder_name``)."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import SparIntegrityError

from .common import ID, OTHER_ID, ConnectorCase

NAME = "Ada Lovelace-Sealed"


@tagged("post_install", "-at_install")
class TestSealedField(ConnectorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = new_test_user(
            cls.env,
            "reads_names",
            "g2p_spar_mapper.group_spar_officer,base.group_allow_export",
        )

    def setUp(self):
        super().setUp()
        self.change = self.submit(holder_name=NAME, note="Form 12")
        self.change.flush_recordset()
        self.change.invalidate_recordset()
        self.theirs = self.change.with_user(self.officer)

    def stored(self, name, record=None):
        record = record or self.change
        record.flush_recordset()
        ((value,),) = self.env.execute_query(
            SQL(
                "SELECT %s FROM %s WHERE id = %s",
                SQL.identifier(name),
                SQL.identifier(record._table),
                record.id,
            )
        )
        return value

    # ------------------------------------------------------------------ the column

    def test_the_column_holds_a_token_and_the_record_the_value(self):
        for name, plain in (
            ("wire_id", ID),
            ("fa", self.address().fa),
            ("holder_name", NAME),
            ("note", "Form 12"),
        ):
            token = self.stored(name)
            self.assertRegex(token, r"^[\w.-]+:[A-Za-z0-9+/]+=*$")
            self.assertNotIn(plain, token)
            self.assertEqual(self.change[name], plain)

    def test_equal_values_give_different_tokens(self):
        other = self.submit(holder_name=NAME)
        self.assertNotEqual(self.stored("wire_id"), self.stored("wire_id", other))
        self.assertNotEqual(
            self.stored("holder_name"), self.stored("holder_name", other)
        )

    def test_the_cache_holds_no_value(self):
        self.assertEqual(self.change.wire_id, ID)
        for value in self.env.transaction.field_data[
            self.change._fields["wire_id"]
        ].values():
            self.assertNotIn(ID, value)

    def test_written_values_are_sealed(self):
        self.change.write({"holder_name": "Grace"})
        self.assertEqual(self.change.holder_name, "Grace")
        self.assertNotIn("Grace", self.stored("holder_name"))
        self.change.invalidate_recordset()
        self.assertEqual(self.change.holder_name, "Grace")

    def test_what_looks_like_a_token_is_a_value_like_any(self):
        token = self.stored("holder_name")
        self.change.holder_name = token
        self.change.flush_recordset()
        self.change.invalidate_recordset()
        self.assertEqual(self.change.holder_name, token)
        self.assertNotEqual(self.stored("holder_name"), token)

    def test_empty_stays_empty(self):
        for empty in ("", False, None):
            self.change.phone = empty
            self.assertIsNone(self.stored("phone"))
            self.change.invalidate_recordset()
            self.assertIs(self.change.phone, False)

    def test_a_token_opens_only_where_it_was_sealed(self):
        self.env.cr.execute(
            "UPDATE g2p_spar_change SET phone = wire_id WHERE id = %s",
            (self.change.id,),
        )
        self.change.invalidate_recordset()
        with self.assertRaises(SparIntegrityError):
            self.change.phone  # noqa: B018

    def test_a_token_of_another_row_does_not_open(self):
        """Whoever can write to the database cannot send somebody's wish elsewhere."""
        other = self.submit(OTHER_ID)
        other.flush_recordset()
        self.env.cr.execute(
            "UPDATE g2p_spar_change SET fa = (SELECT fa FROM g2p_spar_change"
            " WHERE id = %s) WHERE id = %s",
            (other.id, self.change.id),
        )
        self.env.invalidate_all()
        self.assertTrue(other.fa)
        with self.assertRaises(SparIntegrityError):
            self.change.fa  # noqa: B018

    def test_a_changed_token_is_noticed(self):
        for broken in (
            self.stored("wire_id")[:-6] + "AAAAA=",
            ID,
            "",
        ):
            self.env.cr.execute(
                "UPDATE g2p_spar_change SET wire_id = %s WHERE id = %s",
                (broken, self.change.id),
            )
            self.change.invalidate_recordset()
            with self.assertRaises(Exception) as caught:
                self.change.wire_id  # noqa: B018
            self.assertIn("Spar", type(caught.exception).__name__)
            self.assertNotIn(ID, str(caught.exception))

    # ------------------------------------------------------------------ reading

    def test_a_closed_value_is_read_by_nobody(self):
        for user in (self.officer, self.env.ref("base.user_admin")):
            theirs = self.change.with_user(user)
            for method, *arguments in (
                ("mapped", "wire_id"),
                ("read", ["wire_id"]),
                ("web_read", {"wire_id": {}}),
                ("search_read", [], ["wire_id"]),
            ):
                with self.assertRaises(AccessError):
                    getattr(theirs, method)(*arguments)
        # not even where nobody asked for rights
        self.assertNotIn(ID, str(self.change.sudo().read()))
        self.assertNotIn(ID, str(self.change.sudo().copy_data()))

    def test_an_open_value_is_for_its_groups(self):
        self.assertEqual(self.theirs.read(["holder_name"])[0]["holder_name"], NAME)
        administrator = new_test_user(
            self.env,
            "reads_no_names",
            "g2p_spar_bank_directory.group_spar_administrator",
        )
        with self.assertRaises(AccessError):
            self.change.with_user(administrator).read(["holder_name"])

    def test_no_export(self):
        for name in ("holder_name", "note"):
            with self.assertRaises(UserError) as caught:
                self.theirs.export_data([name])
            self.assertNotIn(NAME, str(caught.exception))
            self.assertFalse(self.changes.fields_get([name])[name]["exportable"])
        with self.assertRaises(AccessError):
            self.theirs.export_data(["wire_id"])

    # ------------------------------------------------------------------ finding

    def test_no_condition_but_set_or_not_set(self):
        for changes in (self.changes.with_user(self.officer), self.changes.sudo()):
            for operator in ("=", "!=", "like", "ilike", "=like", "not ilike", ">"):
                with self.assertRaises(UserError) as caught:
                    changes.search([("holder_name", operator, NAME)])
                self.assertNotIn(NAME, str(caught.exception))
            with self.assertRaises(UserError):
                changes.search([("holder_name", "in", [False, NAME])])
            nameless = self.submit(OTHER_ID, operation="remove").with_env(changes.env)
            found = changes.search([("holder_name", "=", False)])
            self.assertIn(nameless, found)
            self.assertNotIn(self.change.with_env(changes.env), found)
            self.assertIn(
                self.change.with_env(changes.env),
                changes.search([("holder_name", "!=", False)]),
            )
        with self.assertRaises(AccessError):
            self.changes.with_user(self.officer).search([("wire_id", "=", ID)])
        with self.assertRaises(UserError):
            self.changes.sudo().search([("wire_id", "=", ID)])

    def test_no_condition_in_memory(self):
        with self.assertRaises(UserError):
            self.theirs.filtered_domain([("holder_name", "=", NAME)])
        self.assertTrue(self.theirs.filtered_domain([("holder_name", "!=", False)]))

    def test_no_group_no_sum_no_order(self):
        changes = self.changes.with_user(self.officer)
        for query in (
            lambda: changes._read_group([], ["holder_name"]),
            lambda: changes.formatted_read_group([], ["holder_name"], ["__count"]),
            lambda: changes._read_group([], [], ["holder_name:count_distinct"]),
            lambda: changes._read_group([], [], ["holder_name:array_agg"]),
            lambda: changes.search([], order="holder_name desc"),
        ):
            with self.assertRaises(UserError) as caught:
                query()
            self.assertIn("Account Holder", str(caught.exception))
        described = changes.fields_get(["holder_name"])["holder_name"]
        for ability in ("searchable", "sortable", "groupable"):
            self.assertFalse(described[ability], ability)

    # ------------------------------------------------------------------ typing

    def test_a_form_keeps_what_is_typed_sealed(self):
        wizards = self.env["g2p.spar.change.wizard"].with_user(self.officer)
        form = Form(wizards)
        form.wire_id = ID
        form.note = "Form 12"
        form.account_type_id = self.bank_type
        form.fsp_id = self.bank
        form.number = form.number_again = "123456789012"
        wizard = form.save()
        self.assertEqual(wizard.number, "123456789012")
        self.assertNotIn("123456789012", self.stored("number", wizard))
        self.assertNotIn(ID, self.stored("wire_id", wizard))
        self.assertEqual(wizard.web_read({"number": {}})[0]["number"], "123456789012")
        with Form(wizard) as form:
            self.assertEqual(form.number, "123456789012")
            form.branch_id = self.branch
        self.assertEqual(wizard.number_again, "123456789012")
