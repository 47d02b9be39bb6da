# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import psycopg2

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged
from odoo.tools import convert_file, mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparRejectedError

from .common import MapperCommon


@tagged("post_install", "-at_install")
class TestIdType(MapperCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.id_types = cls.env["g2p.spar.id.type"]
        cls.national = cls.env.ref("g2p_spar_mapper.id_type_national_id")
        cls.catch_all = cls.env.ref("g2p_spar_mapper.id_type_programme_id")

    def make(self, code, **values):
        return self.id_types.create({"name": code, "code": code, **values})

    def parse(self, wire_id):
        return self.id_types._parse_ids([wire_id])[0]

    def test_parse(self):
        parsed = self.parse("Token:aB-3.4_x@NATIONALid")
        self.assertEqual(parsed.id_type_id, self.national.id)
        self.assertEqual(parsed.value, "aB-3.4_x")
        self.assertEqual((parsed.masked, parsed.last), ("•••• .4_x", ".4_x"))
        self.assertEqual(self.parse("HH 24").id_type_id, self.catch_all.id)
        self.assertEqual(self.parse("HH 24").value, "HH 24")

    def test_mask_shows_at_most_half(self):
        for value, last in (("1", ""), ("12", "2"), ("123456", "456")):
            parsed = self.parse(f"token:{value}@nationalId")
            self.assertEqual(parsed.last, last)
            self.assertEqual(parsed.masked, f"•••• {last}".rstrip())

    def test_parse_refuses(self):
        for wire_id in (
            "",
            None,
            7,
            " a",
            "a ",
            "a\tb",
            "a\x00",
            "a\u200b",
            "\u00a0a",
            "a\ud800",
            "x" * 256,
            "token: @nationalId",
            "token: 1@nationalId",
            "token:1\u00a0@nationalId",
        ):
            self.assertIsNone(self.parse(wire_id), repr(wire_id))
        self.assertTrue(self.parse("x" * 255))

    def test_nothing_between_prefix_and_suffix(self):
        # not a national ID without a value; the catch-all may have it as a whole
        self.assertEqual(self.parse("token:@nationalId").id_type_id, self.catch_all.id)

    def test_without_a_catch_all_unknown_shapes_are_refused(self):
        self.catch_all.active = False
        self.assertIsNone(self.parse("HH-24"))
        self.assertTrue(self.parse("token:1@nationalId"))

    def test_pattern_decides_and_does_not_fall_through(self):
        farmer = self.make("farmer", prefix="farmer:", pattern="[0-9]{6}")
        self.assertEqual(self.parse("farmer:123456").id_type_id, farmer.id)
        self.assertIsNone(self.parse("farmer:12345x"))
        self.assertIsNone(self.parse("farmer:1234567"))

    def test_misfits_keep_their_type_for_whoever_is_lenient(self):
        farmer = self.make("farmer", prefix="farmer:", pattern="[0-9]{6}")
        (parsed,) = self.id_types._parse_ids(["farmer:12345x"], strict=False)
        self.assertEqual((parsed.id_type_id, parsed.value), (farmer.id, "12345x"))
        for wire_id in ("farmer:", "farmer: 1", "farmer:1\x00", "farmer:1 "):
            (parsed,) = self.id_types._parse_ids([wire_id], strict=False)
            self.assertFalse(parsed and parsed.id_type_id == farmer.id, wire_id)
        letters = self.make("letters", prefix="p:", pattern="[a-z]+", sequence=1)
        digits = self.make("digits", prefix="p:", pattern="[0-9]+", sequence=2)
        for wire_id, id_type in (("p:1", digits), ("p:a", letters), ("p:1a", letters)):
            (parsed,) = self.id_types._parse_ids([wire_id], strict=False)
            self.assertEqual(parsed.id_type_id, id_type.id)

    def test_longest_prefix_wins(self):
        self.make("short", prefix="id:", sequence=1)
        long = self.make("long", prefix="id:farm:", sequence=99)
        self.assertEqual(self.parse("id:farm:1").id_type_id, long.id)

    def test_same_prefix_by_pattern(self):
        letters = self.make("letters", prefix="p:", pattern="[a-z]+", sequence=1)
        digits = self.make("digits", prefix="p:", pattern="[0-9]+", sequence=2)
        self.assertEqual(self.parse("p:abc").id_type_id, letters.id)
        self.assertEqual(self.parse("p:123").id_type_id, digits.id)
        self.assertIsNone(self.parse("p:1a"))

    def test_key_tells_types_values_and_kinds_apart(self):
        keys = {
            self.mapper._id_key(wire_id)
            for wire_id in ("token:1@nationalId", "1", "token:2@nationalId", "token:1")
        }
        self.assertEqual(len(keys), 4)
        self.assertEqual(
            self.mapper._id_key("TOKEN:1@nationalID"),
            self.mapper._id_key("token:1@nationalId"),
        )
        for key in keys:
            self.assertRegex(key, r"^[A-Za-z0-9_-]{22}$")

    def test_key_of_a_bad_id(self):
        with self.assertRaises(SparRejectedError) as caught:
            self.mapper._id_key(" secret ")
        self.assertEqual(caught.exception.code, "invalid_id")
        self.assertNotIn("secret", str(caught.exception))

    def test_wire_id_goes_there_and_back(self):
        for wire_id in ("token:aB@nationalId", "HH-24"):
            parsed = self.parse(wire_id)
            id_type = self.id_types.browse(parsed.id_type_id)
            self.assertEqual(id_type._wire_id(parsed.value), wire_id)

    def test_bad_configuration(self):
        for values in (
            {"pattern": "("},
            {"pattern": "([a-z]+)+"},
            {"prefix": "with space"},
            {"suffix": "é"},
            {"prefix": "x:", "example": "y:1"},
            {"prefix": "x:", "pattern": "[0-9]+", "example": "x:a"},
        ):
            with self.subTest(values=values), self.assertRaises(ValidationError):
                self.make("bad", **values)
        with self.assertRaises(ValidationError):
            self.make("bad code")
        with (
            self.assertRaises(psycopg2.errors.UniqueViolation),
            mute_logger("odoo.sql_db"),
            self.env.cr.savepoint(),
        ):
            self.make("nationalId")

    def test_code_is_fixed_once_used(self):
        spare = self.make("spare", prefix="spare:")
        spare.code = "spare2"
        self.link(self.item())
        for name in ("code", "prefix", "suffix"):
            with self.subTest(name), self.assertRaises(ValidationError):
                self.national[name] = "other"
        self.national.write(
            {"code": "nationalId", "suffix": "@nationalId", "name": "NID"}
        )

    def test_linked_ids_stay_with_their_type(self):
        """Under another type the same person could be linked a second time."""
        digits = self.make("digits", prefix="p:", pattern="[0-9]+", sequence=1)
        letters = self.make("letters", prefix="p:", pattern="[0-9a-z]+", sequence=2)
        self.link(self.item()._replace(id="p:123"))
        for id_type, values in (
            (digits, {"pattern": "[0-9]{8}"}),
            (digits, {"sequence": 3}),
            (digits, {"active": False}),
            (letters, {"sequence": 0}),
            (letters, {"pattern": "[a-z]+"}),
        ):
            with self.subTest(values), self.assertRaises(ValidationError):
                id_type.write(values)
        with self.assertRaises(ValidationError):
            self.make("more", prefix="P:", sequence=0)
        digits.write({"sequence": 0, "name": "Digits", "example": "p:321"})
        letters.active = False  # has no mappings, and takes nothing of others
        digits.pattern = "[0-9]{3}"  # the only one of this prefix
        with self.assertRaises(ValidationError):
            letters.active = True
        with self.assertRaises(ValidationError):
            digits.active = False  # the catch-all would take its IDs
        self.assertEqual(self.parse("p:123").id_type_id, digits.id)

    def test_no_longer_affix_takes_linked_ids(self):
        self.link(self.item())
        spare = self.make("spare", prefix="spare:")
        for values in (
            {"prefix": "token:1", "suffix": "@nationalId"},
            {"prefix": "TOKEN:", "suffix": "x@nationalid"},
            {"prefix": "token:1234567890123456"},
            {"suffix": "12345678901234@nationalId", "pattern": "no"},
        ):
            with self.subTest(values), self.assertRaises(ValidationError):
                self.make("longer", **values)
            with self.subTest(values), self.assertRaises(ValidationError):
                spare.write({"prefix": False, **values})
        self.make("shorter", prefix="tok")
        self.make("beside", prefix="token-", suffix="@nationalId")
        self.assertEqual(self.parse("token:1@nationalId").id_type_id, self.national.id)

    def test_a_longer_affix_that_was_there_before(self):
        longer = self.make("longer", prefix="token:1", suffix="@nationalId")
        self.link(self.item(), self.item()._replace(id="token:12@nationalId"))
        longer.pattern = "[0-9]+"  # none of its own IDs is tried elsewhere
        with self.assertRaises(ValidationError):
            longer.active = False  # the shorter one would take its IDs
        self.assertTrue(self.national._has_mappings() and longer._has_mappings())

    def test_ids_for_tests_are_not_those_of_people(self):
        """A test client, which one administrator makes alone, may link them."""
        self.link(self.item()._replace(id="HH-1"))
        with self.assertRaises(ValidationError):
            self.make("trial", prefix="HH-", is_test=True)
        spare = self.make("spare", prefix="HH-")  # as the manual says
        with self.assertRaises(ValidationError):
            spare.is_test = True

    def test_types_whose_ids_nobody_else_takes_are_archived(self):
        self.link(self.item(), self.item()._replace(id="HH-1"))
        self.catch_all.active = False
        self.national.active = False
        self.assertIsNone(self.parse("token:1@nationalId"))
        self.national.pattern = "[0-9A-Za-z_-]+"
        with self.assertRaises(ValidationError):
            self.catch_all.active = True
        with self.assertRaises(ValidationError):
            self.make("shorter", prefix="tok", suffix="Id")
        self.make("other", prefix="other:")
        self.national.active = True
        self.catch_all.active = True
        self.assertEqual(self.parse("HH-1").id_type_id, self.catch_all.id)

    def test_change_of_a_type_is_seen_at_once(self):
        spare = self.make("spare", prefix="spare:")
        self.assertEqual(self.parse("spare:1").id_type_id, spare.id)
        spare.write({"prefix": "other:", "example": "other:1"})
        self.assertEqual(self.parse("other:1").id_type_id, spare.id)
        self.assertEqual(self.parse("spare:1").id_type_id, self.catch_all.id)

    def test_a_deleted_type_does_not_stop_an_update(self):
        """It would take IDs that have mappings; it is not made again."""
        self.link(self.item()._replace(id="HH-1"))
        self.env.ref("g2p_spar_mapper.id_type_test").unlink()
        data = ("g2p_spar_mapper", "data/g2p_spar_id_type.xml", {})
        convert_file(self.env, *data, mode="update")
        self.assertEqual(
            self.id_types.search([]).mapped("code"), ["nationalId", "programmeId"]
        )

    def test_access(self):
        for role in ("officer", "auditor", "steward"):
            national = self.national.with_user(self.users[role])
            self.assertEqual(national.name, "National ID")
            with self.assertRaises(AccessError):
                national.name = "x"
            with self.assertRaises(AccessError):
                national.unlink()
            with self.assertRaises(AccessError):
                national.create({"name": "x", "code": "x"})
        for role in ("employee", "portal", "public"):
            with self.assertRaises(AccessError):
                self.national.with_user(self.users[role]).read(["name"])
        national = self.national.with_user(self.users["administrator"])
        national.name = "NID"
        self.assertEqual(self.national.name, "NID")
