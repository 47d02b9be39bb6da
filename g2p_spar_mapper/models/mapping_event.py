# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models

from .mapping import CHANNELS


class G2pSparMappingEvent(models.Model):
    """One change of a mapping: who did what, when, through which door and for what.

    Append-only: written in the same statement as the change, and a database trigger
    refuses to change or remove a row, whoever asks.
    """

    _name = "g2p.spar.mapping.event"
    _inherit = ["g2p.spar.service.written"]
    _description = "SPAR Ledger"
    _order = "id desc"
    _rec_name = "verb"

    at = fields.Datetime("When", required=True)
    verb = fields.Selection(
        [("link", "Linked"), ("update", "Changed"), ("unlink", "Removed")],
        "What",
        required=True,
    )
    mapping_id = fields.Many2one(
        "g2p.spar.mapping",
        required=True,
        ondelete="restrict",
        index=True,
        help="The period that was opened, or closed by a removal.",
    )
    previous_mapping_id = fields.Many2one(
        "g2p.spar.mapping",
        ondelete="restrict",
        help="The period that a change closed.",
    )
    id_type_id = fields.Many2one("g2p.spar.id.type", required=True, ondelete="restrict")
    id_key = fields.Char("ID key", required=True, groups=fields.NO_ACCESS, index=True)
    key_id = fields.Char(required=True, groups=fields.NO_ACCESS)
    id_masked = fields.Char("ID (masked)", required=True)
    channel = fields.Selection(CHANNELS, required=True)
    user_id = fields.Many2one("res.users", ondelete="restrict")
    actor_name = fields.Char("Who", compute="_compute_actor_name", compute_sudo=True)
    purpose = fields.Char()
    transaction = fields.Char(help="The caller's transaction or change reference.")
    reference = fields.Char(help="The caller's reference of this item.")
    old_masked = fields.Char("Old account")
    old_provider = fields.Char()
    old_fa_key = fields.Char("Old account key", groups=fields.NO_ACCESS)
    new_masked = fields.Char("New account")
    new_provider = fields.Char()
    new_fa_key = fields.Char("New account key", groups=fields.NO_ACCESS)

    def init(self):
        """Make the table append-only, also for the database's own users.

        ``ENABLE ALWAYS`` keeps the triggers on when a session plays a replica.
        """
        self.env.cr.execute(
            """
            CREATE OR REPLACE FUNCTION g2p_spar_mapping_event_append_only()
            RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'The SPAR ledger is append-only: % refused', TG_OP
                    USING ERRCODE = 'insufficient_privilege';
            END $$;

            DROP TRIGGER IF EXISTS append_only_row ON g2p_spar_mapping_event;
            CREATE TRIGGER append_only_row
                BEFORE UPDATE OR DELETE ON g2p_spar_mapping_event
                FOR EACH ROW EXECUTE FUNCTION g2p_spar_mapping_event_append_only();
            ALTER TABLE g2p_spar_mapping_event
                ENABLE ALWAYS TRIGGER append_only_row;

            DROP TRIGGER IF EXISTS append_only_table ON g2p_spar_mapping_event;
            CREATE TRIGGER append_only_table
                BEFORE TRUNCATE ON g2p_spar_mapping_event
                FOR EACH STATEMENT
                EXECUTE FUNCTION g2p_spar_mapping_event_append_only();
            ALTER TABLE g2p_spar_mapping_event
                ENABLE ALWAYS TRIGGER append_only_table;
            """
        )

    @api.depends("user_id")
    def _compute_actor_name(self):
        for event in self:
            event.actor_name = event.user_id.name
