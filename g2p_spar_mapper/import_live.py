# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What mappings hold, for the import's own use: to compare with and to put back."""

import logging
from typing import NamedTuple

import msgspec

from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import SparIntegrityError

from .content import open_content

_logger = logging.getLogger(__name__)


class Content(NamedTuple):
    """One period of a mapping, readable."""

    id: str  #: as written
    fa: str
    name: str
    phone: str
    additional_info: list
    branch_code: str


def read_contents(env, mapping_ids):
    """The content of these mappings, past ones included, with one query.

    A mapping that was changed outside of the registry is left out.

    :param list[int] mapping_ids:
    :rtype: dict[int, Content]
    """
    if not mapping_ids:
        return {}
    env.cr.execute(
        SQL(
            """
            SELECT m.id, m.id_key, m.fa_key, m.sealed, coalesce(m.branch_code, ''),
                   coalesce(t.prefix, ''), coalesce(t.suffix, '')
              FROM g2p_spar_mapping m
              JOIN g2p_spar_id_type t ON t.id = m.id_type_id
             WHERE m.id = ANY(%s)
            """,
            list(mapping_ids),
        )
    )
    found = {}
    for mapping_id, *sealed, branch_code, prefix, suffix in env.cr.fetchall():
        try:
            content = open_content(mapping_id, *sealed)
        except SparIntegrityError:
            _logger.error(
                "The content of mapping %s does not open: run the check of the ledger",
                mapping_id,
            )
            continue
        info = content.additional_info
        found[mapping_id] = Content(
            f"{prefix}{content.id_value}{suffix}",
            content.fa,
            content.name,
            content.phone,
            msgspec.json.decode(info) if info else [],
            branch_code,
        )
    return found
