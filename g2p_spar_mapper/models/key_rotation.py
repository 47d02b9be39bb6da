# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..keyring import get_keyring
from ..rekeying import MAPPINGS, rekey, rekey_mappings, sealed_models

COUNT_OLDER = """
    SELECT key_id, count(*) FROM g2p_spar_mapping
     WHERE key_id <> %(key_id)s
     GROUP BY key_id
"""

CHUNK = 2000  #: rows of one transaction
PRIORITY = 30  #: behind all work that somebody waits for


class G2pSparKeyRotation(models.Model):
    """Moves what is kept under older keys of the key ring to the current one.

    One job at a time, each of which queues the next in its transaction: progress and
    rows are committed together, so that it goes on after a crash where it was.
    """

    _name = "g2p.spar.key.rotation"
    _inherit = ["g2p.spar.system.fields"]
    _description = "SPAR Change of Keys"
    _order = "id desc"
    _rec_name = "create_date"

    key_id = fields.Char("New Key", readonly=True)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("running", "Running"),
            ("paused", "Paused"),
            ("done", "Done"),
            ("superseded", "Superseded"),
        ],
        required=True,
        default="draft",
        readonly=True,
    )
    run = fields.Integer(readonly=True, help="Counts starts; jobs of others do nothing")
    model = fields.Char("At", readonly=True, help="What is being worked on.")
    after_id = fields.Integer(readonly=True)
    total_count = fields.Integer("Mappings", readonly=True)
    mapping_count = fields.Integer("Mappings done", readonly=True)
    other_count = fields.Integer("Other rows done", readonly=True)
    left_count = fields.Integer(
        "Left",
        readonly=True,
        help="Rows that could not be moved; the log names each. Their key has to "
        "stay in the key file.",
    )
    progress = fields.Float(compute="_compute_progress")
    started_at = fields.Datetime("Started", readonly=True)
    finished_at = fields.Datetime("Finished", readonly=True)

    _running_uniq = models.UniqueIndex(
        "((1)) WHERE state IN ('running', 'paused')",
        "Keys are being changed already.",
    )

    @api.depends("total_count", "mapping_count", "state")
    def _compute_progress(self):
        for rotation in self:
            is_done = rotation.state == "done"
            total = rotation.total_count or 1
            done = min(rotation.mapping_count / total, 1)
            rotation.progress = 100 if is_done else 100 * done

    # ------------------------------------------------------------------ buttons

    def action_start(self):
        self.ensure_one()
        self.check_access("write")
        if self.state != "draft":
            raise UserError(self.env._("This was started already."))
        key_id = get_keyring().current
        keys = self.env["g2p.spar.key"]
        if not keys._hold(key_id):
            raise UserError(
                self.env._(
                    "Another server has begun with a newer key than %s. Copy the key"
                    " file from there, restart this server, and start again.",
                    key_id,
                )
            )
        counts = dict(self.env.execute_query(SQL(COUNT_OLDER, key_id=key_id)))
        if missing := counts.keys() - get_keyring().keys.keys():
            # taken back, they would stop every server
            raise UserError(
                self.env._(
                    "%(count)s mappings are kept under keys that the key file lacks:"
                    " %(keys)s. Put these back, restart the servers, and start again.",
                    count=sum(counts[name] for name in missing),
                    keys=", ".join(sorted(missing)),
                )
            )
        keys._take_back(counts)
        self._supersede(key_id)
        self.sudo().write(
            {
                "key_id": key_id,
                "model": MAPPINGS,
                "total_count": sum(counts.values()),
                "started_at": fields.Datetime.now(),
            }
        )
        self._go_on()

    def _supersede(self, key_id):
        """Changes to other keys make way for one to the newest."""
        under_way = [("state", "in", ("running", "paused")), ("key_id", "!=", key_id)]
        # sudo: the caller has checked the right
        self.sudo().search(under_way).state = "superseded"
        self.flush_model()  # before another one is running

    def action_pause(self):
        """Halt after the chunk at hand."""
        self.check_access("write")
        self.sudo().filtered(lambda one: one.state == "running").state = "paused"

    def action_resume(self):
        """Go on where it was paused, or where a job got lost."""
        self.ensure_one()
        self.check_access("write")
        if self.state not in ("paused", "running"):
            raise UserError(self.env._("There is nothing to go on with."))
        self._go_on()

    def _go_on(self):
        # sudo: the callers have checked the right; only buttons set these
        self.sudo().write({"state": "running", "run": self.run + 1})
        self._enqueue()

    # ------------------------------------------------------------------ work

    def _enqueue(self):
        self.with_delay(
            description=self.env._("Change of keys to %s", self.key_id),
            identity_key=(
                f"spar-rotation-{self.id}-{self.run}-{self.model}-{self.after_id}"
            ),
            max_retries=0,
            priority=PRIORITY,
        )._job_rotate(self.run)

    def _job_rotate(self, run):
        """Move the next chunk and queue the one behind it.

        :param int run: the start this job belongs to
        """
        # sudo: whoever queued the job was checked then
        rotation = self.sudo()
        if not rotation.exists() or rotation.run != run or rotation.state != "running":
            return
        if not self.env["g2p.spar.key"]._hold(rotation.key_id):
            rotation.state = "superseded"  # by a newer key: start a new one
        elif rotation.key_id != get_keyring().current:
            rotation.state = "paused"  # this server has not begun with the new key
        else:
            rotation._work()
            if rotation.state == "running":
                rotation._enqueue()

    def _work(self):
        """Move one chunk, or step on to the next model, or end."""
        if self._move(self.model, self.after_id, CHUNK):
            return
        names = [MAPPINGS, *sealed_models(self.env)]
        later = [
            name for name in names[1:] if name > self.model or self.model == MAPPINGS
        ]
        if later:
            self.model = later[0]
            return
        if not self.left_count:
            if any(self._move(name, 0, 1) for name in names):
                return  # kept by a server that had not begun anew: once more from there
            self.env["g2p.spar.key"]._retire_older()
        self.write({"state": "done", "finished_at": fields.Datetime.now()})

    def _move(self, name, after_id, limit):
        """Move the next rows of a model.

        :return: the last id, 0 when there was nothing to move
        """
        if name == MAPPINGS:
            counter, chunk = "mapping_count", rekey_mappings(self.env, after_id, limit)
        else:
            counter = "other_count"
            chunk = rekey(self.env[name].sudo(), after_id, limit)
        self.write(
            {
                "model": name,
                "after_id": chunk.last_id,
                counter: self[counter] + chunk.done,
                "left_count": self.left_count + chunk.left,
            }
        )
        return chunk.last_id
