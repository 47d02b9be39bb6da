# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.table_reader import ENCODINGS

APPROVER = "g2p_spar_mapper.group_spar_import_approver"
ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"
MODES = [
    ("link", "Only add IDs that have no account"),
    ("both", "Add new IDs and change known ones"),
    ("update", "Only change IDs that have an account"),
]
#: states in which jobs are at work
WORKING = ("checking", "running", "undoing")


class G2pSparImport(models.Model):
    """One bulk load of mappings: file, check, approval by a second person, run, undo.

    The file and the rows that are to be applied are kept sealed, and no longer than
    they are needed. Mappings change through the verbs of ``g2p.spar.mapper`` only.
    """

    _name = "g2p.spar.import"
    _inherit = ["mail.thread", "g2p.spar.typed.text", "g2p.spar.system.fields"]
    _description = "SPAR Import"
    _order = "id desc"
    _rec_names_search = ["reference", "name"]

    name = fields.Char("Description", required=True, help="For example: Pensions, May.")
    reference = fields.Char(readonly=True, copy=False)
    user_id = fields.Many2one(
        "res.users",
        "Uploaded by",
        required=True,
        readonly=True,
        copy=False,
        default=lambda self: self.env.user,
        ondelete="restrict",
    )
    state = fields.Selection(
        [
            ("draft", "File"),
            ("checking", "Checking"),
            ("checked", "Checked"),
            ("to_approve", "To approve"),
            ("running", "Running"),
            ("done", "Done"),
            ("undo_asked", "Undo to approve"),
            ("undoing", "Undoing"),
            ("undone", "Undone"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        copy=False,
        default="draft",
        tracking=True,
    )
    halt = fields.Selection(
        [("paused", "Paused"), ("failed", "Stopped by a fault")],
        "Halted",
        readonly=True,
        copy=False,
    )
    failure = fields.Char(readonly=True, copy=False)

    # what the file is and how it is read
    file_name = fields.Char(readonly=True, copy=False)
    file_size = fields.Integer("File size (bytes)", readonly=True, copy=False)
    file_format = fields.Json(readonly=True, copy=False)
    part_ids = fields.One2many(
        "g2p.spar.import.part", "import_id", copy=False, groups=fields.NO_ACCESS
    )
    encoding = fields.Selection(
        list(ENCODINGS.items()),
        help="How the letters of a CSV file are written. Change it when names look "
        "wrong below.",
    )
    has_header = fields.Boolean("First row names the columns", default=True)
    column_ids = fields.One2many("g2p.spar.import.column", "import_id", copy=False)
    profile_id = fields.Many2one(
        "g2p.spar.import.profile",
        ondelete="set null",
        help="What an earlier file of the same kind looked like.",
    )
    account_type_id = fields.Many2one(
        "g2p.spar.account.type",
        "Kind of account",
        ondelete="restrict",
        help="Of all rows, unless a column says it.",
    )
    fsp_id = fields.Many2one(
        "g2p.spar.fsp",
        "Provider",
        ondelete="restrict",
        help="Of all rows, unless a column says it.",
    )
    id_type_id = fields.Many2one(
        "g2p.spar.id.type",
        "ID type",
        ondelete="restrict",
        help="For files that write only the number: it is put between the prefix and "
        "the suffix of this type.",
    )
    mode = fields.Selection(
        MODES,
        "What to do",
        required=True,
        default="link",
    )

    # how far the work is
    run = fields.Integer(
        readonly=True,
        copy=False,
        help="Counts the starts of the work; a job of an older one does nothing.",
    )
    job_uuid = fields.Char(readonly=True, copy=False)
    #: by whose keyed hashes the rows are told apart
    key_id = fields.Char(readonly=True, copy=False, groups=fields.NO_ACCESS)
    read_offset = fields.Integer(readonly=True, copy=False)
    read_line = fields.Integer(readonly=True, copy=False, default=1)
    read_total = fields.Integer(readonly=True, copy=False)
    cursor = fields.Integer(
        readonly=True, copy=False, help="Last line that the work at hand is through."
    )
    row_count = fields.Integer("Rows", readonly=True, copy=False)
    new_count = fields.Integer("New", readonly=True, copy=False)
    changed_count = fields.Integer("Changed", readonly=True, copy=False)
    same_count = fields.Integer("Identical", readonly=True, copy=False)
    rejected_count = fields.Integer("Rejected", readonly=True, copy=False)
    done_count = fields.Integer("Applied", readonly=True, copy=False)
    refused_count = fields.Integer("Not applied", readonly=True, copy=False)
    undone_count = fields.Integer("Put back", readonly=True, copy=False)
    kept_count = fields.Integer("Kept", readonly=True, copy=False)
    shared_count = fields.Integer(
        "Accounts of several IDs",
        readonly=True,
        copy=False,
        help="Accounts that more than one row of the file names.",
    )
    shared_most = fields.Integer("Most IDs of one account", readonly=True, copy=False)
    changed_share = fields.Integer(
        "Changed, in percent", compute="_compute_changed_share"
    )
    progress = fields.Integer(compute="_compute_progress")
    is_mine = fields.Boolean(compute="_compute_may_steer")
    may_steer = fields.Boolean(compute="_compute_may_steer")

    checked_at = fields.Datetime("Checked from", readonly=True, copy=False)
    started_at = fields.Datetime("Run from", readonly=True, copy=False)
    finished_at = fields.Datetime("Run until", readonly=True, copy=False)
    approver_id = fields.Many2one(
        "res.users", "Approved by", readonly=True, copy=False, ondelete="restrict"
    )
    undo_user_id = fields.Many2one(
        "res.users", "Undo wanted by", readonly=True, copy=False, ondelete="restrict"
    )
    undo_approver_id = fields.Many2one(
        "res.users", "Undo approved by", readonly=True, copy=False, ondelete="restrict"
    )

    _reference_uniq = models.Constraint(
        "UNIQUE(reference)", "The reference of an import must be unique."
    )

    @api.depends("name", "reference")
    def _compute_display_name(self):
        for load in self:
            load.display_name = f"{load.reference or ''} {load.name or ''}".strip()

    @api.depends("changed_count", "row_count")
    def _compute_changed_share(self):
        for load in self:
            load.changed_share = (
                load.changed_count * 100 // load.row_count if load.row_count else 0
            )

    @api.depends("user_id")
    @api.depends_context("uid")
    def _compute_may_steer(self):
        """Approvers hold up and stop the work of others, too."""
        is_approver = self.env.user.has_group(APPROVER)
        for load in self:
            load.is_mine = load.user_id == self.env.user
            load.may_steer = load.is_mine or is_approver

    @api.depends(
        *("state", "read_offset", "read_total", "done_count", "refused_count"),
        *("undone_count", "kept_count", "new_count", "changed_count"),
    )
    def _compute_progress(self):
        for load in self:
            done, total = load._get_progress()
            load.progress = min(done * 100 // total, 100) if total else 0

    def _get_progress(self):
        """How much of the work at hand is done, as two numbers."""
        self.ensure_one()
        if self.state == "checking":
            return self.read_offset, self.read_total
        if self.state in ("undoing", "undone"):
            return self.undone_count + self.kept_count, self.done_count
        if self.state in ("running", "done", "undo_asked"):
            return (
                self.done_count + self.refused_count,
                self.new_count + self.changed_count,
            )
        return 0, 0

    # ------------------------------------------------------------------ writing

    @api.model
    def _system_fields(self):
        return super()._system_fields() | {"part_ids"}

    @api.model_create_multi
    def create(self, vals_list):
        loads = super().create(vals_list)
        for load in loads.sudo():
            load.reference = self.env["ir.sequence"].next_by_code("g2p.spar.import")
        return loads

    def write(self, vals):
        fixed = vals.keys() & {
            *("column_ids", "mode", "account_type_id", "fsp_id", "id_type_id"),
            *("encoding", "has_header", "profile_id", "name"),
        }
        self.check_access("write")
        if fixed and not self.env.su and any(load.state != "draft" for load in self):
            raise UserError(
                self.env._("Take the import back to “File” before you change it.")
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # a check has told who has an account
        if any(load.run for load in self):
            raise UserError(
                self.env._("An import whose file was checked is kept as a record.")
            )

    def _check_mine(self):
        """:raise AccessError: for everybody but the administrator who uploaded it"""
        self.check_access("write")
        if any(load.user_id != self.env.user for load in self):
            raise AccessError(
                self.env._("Only the person who uploaded the file may do this.")
            )

    def _check_second_person(self, first):
        """Four eyes: the approver is another person.

        :param first: the user who wants it
        :raise AccessError: not an approver, or the same person
        """
        self.ensure_one()
        self.check_access("read")
        if not self.env.user.has_group(APPROVER):
            raise AccessError(self.env._("Only import approvers may do this."))
        if self.env.user in (first, self.user_id):
            raise AccessError(self.env._("Another person has to approve this."))

    def _check_state(self, *states):
        """:raise UserError: somebody else was faster, or the page is old"""
        labels = dict(self._fields["state"]._description_selection(self.env))
        for load in self:
            if load.state not in states:
                raise UserError(
                    self.env._(
                        "This cannot be done now: the import is in the state “%s”.",
                        labels[load.state],
                    )
                )

    def _lock(self):
        """Make clicks and jobs wait for each other."""
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "SELECT FROM g2p_spar_import WHERE id IN %s FOR NO KEY UPDATE",
                tuple(self.ids) or (0,),
            )
        )
        self.invalidate_recordset()

    def _execute(self, query):
        """Run a statement with staged values, which do not belong in a log."""
        self.env.cr.execute(query, log_exceptions=False)
        return self.env.cr.fetchall() if self.env.cr.description else []

    def _post(self, text):
        # sudo: an event is a fact, whoever made it happen
        self.sudo().message_post(body=text)

    # ------------------------------------------------------------------ screens

    @api.readonly
    def get_progress(self):
        """What the progress widget shows; cheap enough to be asked every second.

        :return: dict of state, halt, failure, progress, counts and a sentence
        """
        self.ensure_one()
        self.check_access("read")
        names = [
            *("state", "halt", "failure", "run", "progress", "file_name", "file_size"),
            *("row_count", "new_count", "changed_count", "same_count"),
            *("rejected_count", "done_count", "refused_count", "undone_count"),
            *("kept_count", "shared_count", "shared_most", "changed_share"),
        ]
        values = self.read(names, load="")[0]
        values["waiting"] = self._get_waiting()
        values["seconds_left"] = self._get_seconds_left()
        return values

    def _get_seconds_left(self):
        """Estimate of how long the work at hand takes, 0 if there is none."""
        done, total = self._get_progress()
        if self.state not in WORKING or self.halt or not done or not self.started_at:
            return 0
        passed = (fields.Datetime.now() - self.started_at).total_seconds()
        return int(passed * (total - done) / done) if passed > 3 else 0

    def action_open_rows(self, plan=None):
        """Open the rows, all of them or those with one verdict."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "g2p_spar_mapper.g2p_spar_import_row_action"
        )
        return {
            **action,
            "display_name": self.env._("Rows of %s", self.reference),
            "domain": [("import_id", "=", self.id)],
            "context": {f"search_default_{plan}": 1} if plan else {},
        }
