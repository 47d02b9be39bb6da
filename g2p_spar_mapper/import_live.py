# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What mappings hold, for the server's own use: to compare with and to put back."""

from typing import NamedTuple

from odoo.tools import SQL


class Content(NamedTuple):
    """One period of a mapping, readable."""

    id: str  #: as written
    fa: str
    name: str
    phone: str
    additional_info: list | None
    branch_code: str


def read_live(env, mapping_ids):
    """The content of these mappings, past ones included, with one query.

    :param list[int] mapping_ids:
    :rtype: dict[int, Content]
    """
    if not mapping_ids:
        return {}
    env.cr.execute(
        SQL(
            """
            SELECT m.id, coalesce(t.prefix, '') || m.id_value || coalesce(t.suffix, ''),
                   m.fa, coalesce(m.holder_name, ''), coalesce(m.phone, ''),
                   m.additional_info, coalesce(m.branch_code, '')
              FROM g2p_spar_mapping m
              JOIN g2p_spar_id_type t ON t.id = m.id_type_id
             WHERE m.id = ANY(%s)
            """,
            list(mapping_ids),
        )
    )
    return {row[0]: Content(*row[1:]) for row in env.cr.fetchall()}
