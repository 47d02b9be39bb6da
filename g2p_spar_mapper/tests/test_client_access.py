# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Every role against every model that says who may call, in one table."""

from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user, tagged

ALL = {"read", "write", "create", "unlink"}
#: what a role may do at most; roles that are not named, nothing
ALLOWED = {
    "g2p.spar.client": {"administrator": ALL},
    "g2p.spar.client.key": {"administrator": ALL},
    "g2p.spar.client.secret": {"administrator": ALL},
    "g2p.spar.client.secret.show": {"administrator": {"read", "create"}},
    "g2p.spar.client.rendering": {"administrator": ALL},
    "g2p.spar.client.try": {"administrator": {"read", "write", "create"}},
    "g2p.spar.signing.key": {"administrator": ALL},
    "g2p.spar.transaction": {"administrator": {"read"}, "auditor": {"read"}},
    "g2p.spar.read": {"auditor": {"read"}},
    # services of the API: no rows, and no method that can be called from outside
    "g2p.spar.token": {},
    "g2p.spar.gateway": {},
}


@tagged("post_install", "-at_install")
class TestClientAccess(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        category = cls.env.ref("g2p_spar_bank_directory.module_category_spar")
        groups = cls.env["res.groups"].search(
            [("privilege_id.category_id", "=", category.id)]
        )
        names = [*groups.get_external_id().values()]
        names += ["base.group_user", "base.group_portal", "base.group_public"]
        cls.users = {
            name.rpartition("group_")[2].removeprefix("spar_"): new_test_user(
                cls.env, f"access_{name}", name
            )
            for name in names
        }
        cls.client = cls.env["g2p.spar.client"].create(
            {
                "name": "Programme",
                "code": "programme",
                "organisation": "Ministry",
                "purpose": "Child grant",
            }
        )
        cls.secret = cls.client.action_new_secret()["context"]["default_secret"]

    def test_table(self):
        self.assertTrue(
            {"user", "steward", "administrator", "officer", "auditor"}
            | {"import_approver", "reveal", "portal", "public"}
            <= self.users.keys()
        )
        for model, by_role in ALLOWED.items():
            for role, user in self.users.items():
                with self.subTest(model=model, role=role):
                    records = self.env[model].with_user(user)
                    allowed = {name for name in ALL if records.has_access(name)}
                    self.assertEqual(allowed, by_role.get(role, set()))

    def test_reading_is_refused_by_each_path(self):
        for model, by_role in ALLOWED.items():
            if self.env[model]._abstract:
                continue
            for role, user in self.users.items():
                if "read" in by_role.get(role, ()):
                    continue
                records = self.env[model].with_user(user)
                for read in (
                    lambda records=records: records.search([]),
                    lambda records=records: records.search_count([]),
                    lambda records=records: records.name_search(""),
                    lambda records=records: records.search_read([], ["id"]),
                    lambda records=records: records.formatted_read_group([], ["id"]),
                ):
                    with self.subTest(model=model, role=role):
                        with self.assertRaises(AccessError):
                            read()

    def test_nobody_sees_or_looks_for_a_hash(self):
        for role, user in self.users.items():
            secrets = self.env["g2p.spar.client.secret"].with_user(user)
            for read in (
                lambda secrets=secrets: secrets.search([("digest", "like", "0")]),
                lambda secrets=secrets: secrets.search_read([], ["digest"]),
                lambda secrets=secrets: secrets.search([], order="digest"),
                lambda secrets=secrets: secrets.formatted_read_group([], ["digest"]),
                lambda secrets=secrets: secrets.env["g2p.spar.client"].search(
                    [("secret_ids.digest", "like", "0")]
                ),
            ):
                with self.subTest(role=role), self.assertRaises(AccessError):
                    read()
