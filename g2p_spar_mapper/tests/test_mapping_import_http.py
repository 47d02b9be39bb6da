# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import codecs
import csv
import io

from odoo.http import Request
from odoo.tests import HttpCase, tagged

from .common import wire_id
from .import_case import ImportCase


@tagged("post_install", "-at_install")
class TestMappingImportHttp(ImportCase, HttpCase):
    def log_in(self, user):
        self.authenticate(user.login, user.login)
        return Request.csrf_token(self)

    def send(self, load, number, content, token):
        return self.url_open(
            f"/spar/import/{load.id}/part/{number}",
            data=content,
            headers={
                "Content-Type": "application/octet-stream",
                **({"X-CSRF-Token": token} if token else {}),
            },
        )

    def test_upload_in_parts(self):
        load = self.imports.create({"name": "x"})
        token = self.log_in(self.uploader)
        content = self.csv([1, 2])
        self.assertEqual(self.send(load, 0, content[:50], token).status_code, 204)
        answer = self.send(load, 5, content[50:], token)
        self.assertEqual(answer.status_code, 409)
        self.assertIn("one piece", answer.text)
        self.assertEqual(self.send(load, 1, content[50:], token).status_code, 204)
        load.finish_upload("x.csv", len(content))
        self.assertEqual(load.column_ids[0].target, "id")

    def test_upload_takes_the_token_of_the_session(self):
        load = self.imports.create({"name": "x"})
        self.log_in(self.uploader)
        for token in None, "nonsense":
            self.assertEqual(self.send(load, 0, b"x", token).status_code, 403)
        self.assertFalse(load.sudo().part_ids)

    def test_nobody_else_uploads(self):
        load = self.imports.create({"name": "x"})
        for user in (
            self.approver,
            *(self.users[role] for role in ("administrator", "auditor", "portal")),
        ):
            token = self.log_in(user)
            self.assertEqual(self.send(load, 0, b"x", token).status_code, 404, user)
        self.assertFalse(load.sudo().part_ids)

    def test_parts_are_small(self):
        load = self.imports.create({"name": "x"})
        token = self.log_in(self.uploader)
        answer = self.send(load, 0, b"x" * (5 << 20), token)
        self.assertEqual(answer.status_code, 413)

    def test_error_file(self):
        bad = "=cmd,bank,MTBANK,MT001,1,=x"
        load = self.upload(
            self.csv([1, bad, 1], "id,account type,=bank,branch,account number,name")
        )
        load.column_ids[2].target = "provider"
        load.action_check()
        self.work(load)
        for user in self.uploader, self.approver, self.users["auditor"]:
            self.log_in(user)
            answer = self.url_open(f"/spar/import/{load.id}/errors.csv")
            self.assertEqual(answer.status_code, 200)
            # without the mark Excel shows "Ã©" for "é"
            self.assertTrue(answer.content.startswith(codecs.BOM_UTF8))
            rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
            self.assertEqual([row[0] for row in rows], ["Row", "3", "4"])
            self.assertEqual(rows[1][1], "account number")
            self.assertIn("row 2", rows[2][3])
            self.assertNotIn("spartest", answer.text)
            self.assertNotIn("cmd", answer.text)
            self.assertEqual(answer.headers["Cache-Control"], "no-store")

    def test_error_file_is_for_those_who_may_read(self):
        load = self.check(self.csv(["x,bank,MTBANK,MT001,1,x"]))
        for role in "officer", "steward", "employee", "portal":
            self.log_in(self.users[role])
            answer = self.url_open(f"/spar/import/{load.id}/errors.csv")
            self.assertEqual(answer.status_code, 404, role)
        self.authenticate(None, None)
        answer = self.url_open(
            f"/spar/import/{load.id}/errors.csv", allow_redirects=False
        )
        self.assertIn("/web/login", answer.headers["Location"])

    def test_masked_on_every_road(self):
        load = self.check(self.csv([7]))
        self.log_in(self.uploader)
        for model in "g2p.spar.import", "g2p.spar.import.row", "g2p.spar.import.column":
            names = self.make_jsonrpc_request(
                f"/web/dataset/call_kw/{model}/fields_get",
                {"model": model, "method": "fields_get", "args": [], "kwargs": {}},
            )
            rows = self.make_jsonrpc_request(
                f"/web/dataset/call_kw/{model}/search_read",
                {
                    "model": model,
                    "method": "search_read",
                    "args": [[], list(names)],
                    "kwargs": {},
                },
            )
            self.assertTrue(rows)
            for secret in (wire_id(7), "spartest-7", str(10**11 + 7), "Name 7"):
                self.assertNotIn(secret, str(rows))
        self.assertTrue(load)
