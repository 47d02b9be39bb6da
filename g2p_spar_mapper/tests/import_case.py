# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from unittest.mock import patch

from odoo.tests import new_test_user

from ..models.mapping_import import WORKING
from .common import MapperCommon, wire_id

ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"
APPROVER = "g2p_spar_mapper.group_spar_import_approver"


class ImportCase(MapperCommon):
    """Uploads, checks, approves and runs without the queue."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.uploader = new_test_user(cls.env, "spar_import_uploader", ADMINISTRATOR)
        cls.approver = new_test_user(cls.env, "spar_import_approver", APPROVER)
        cls.both = new_test_user(
            cls.env, "spar_import_both", f"{ADMINISTRATOR},{APPROVER}"
        )
        cls.imports = cls.env["g2p.spar.import"].with_user(cls.uploader)
        model = cls.env.registry["g2p.spar.import"]
        cls.startClassPatcher(patch.object(model, "_enqueue", lambda self: None))

    @classmethod
    def csv(cls, rows, header="id,account type,provider,branch,account number,name"):
        """Bytes of a table; a row that is a number stands for a good bank account."""
        lines = [header]
        for row in rows:
            if isinstance(row, int):
                row = f"{wire_id(row)},bank,MTBANK,MT001,{10**11 + row},Name {row}"
            lines.append(row)
        return "\n".join([*lines, ""]).encode()

    def upload(self, content, name="people.csv", **values):
        load = self.imports.create({"name": "Test import", **values})
        size = 1 << 20
        for number in range((len(content) + size - 1) // size or 1):
            part = content[number * size : (number + 1) * size]
            load._add_part(number, part)
        load.finish_upload(name, len(content))
        return load

    def work(self, load, pieces=None):
        """Run the jobs, all or some of them."""
        while load.state in WORKING and not load.halt and pieces != 0:
            load._job_work(load.run)
            pieces = pieces and pieces - 1
        return load

    def check(self, content, **values):
        load = self.upload(content, **values)
        load.action_check()
        return self.work(load)

    def approve(self, load):
        load.action_ask()
        load.with_user(self.approver).action_approve()
        return load

    def apply(self, content, **values):
        return self.work(self.approve(self.check(content, **values)))

    def undo(self, load):
        load.action_undo_ask()
        load.with_user(self.approver).action_undo_approve()
        return self.work(load)

    def counts(self, load):
        names = ("row", "new", "changed", "same", "rejected")
        return tuple(load[f"{name}_count"] for name in names)

    def rows(self, load):
        """(row, column, reason) of the rows that were not taken."""
        rows = self.env["g2p.spar.import.row"].search(
            [("import_id", "=", load.id), ("reason", "!=", False)]
        )
        return [(row.line, row.part, row.reason) for row in rows]
