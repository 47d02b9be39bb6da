# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.sql_db import db_connect
from odoo.tests import get_db_name
from odoo.tools import SQL


def forget(purpose):
    """Take away what tests of real transactions committed for this purpose; only the
    owner of the tables can do it."""
    with db_connect(get_db_name()).cursor() as cr:
        cr.execute(
            "SELECT DISTINCT mapping_id FROM g2p_spar_mapping_event WHERE purpose = %s",
            [purpose],
        )
        periods = [mapping_id for (mapping_id,) in cr.fetchall()]
        cr.execute("SET LOCAL lock_timeout = '20s'")
        for table, column in (
            ("g2p_spar_mapping_event", "mapping_id"),
            ("g2p_spar_mapping", "id"),
        ):
            cr.execute(
                SQL(
                    "ALTER TABLE %(table)s DISABLE TRIGGER keep_rows;"
                    " DELETE FROM %(table)s WHERE %(column)s = ANY(%(periods)s);"
                    " ALTER TABLE %(table)s ENABLE ALWAYS TRIGGER keep_rows",
                    table=SQL.identifier(table),
                    column=SQL.identifier(column),
                    periods=periods,
                )
            )
