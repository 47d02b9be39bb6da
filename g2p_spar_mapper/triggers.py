# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the database itself refuses, whoever asks and by whatever way.

``ENABLE ALWAYS`` keeps a trigger on even in a session that plays a replica.
"""

from odoo.tools import SQL

REFUSE_CHANGE = """
    CREATE OR REPLACE FUNCTION g2p_spar_refuse_change() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'Rows of % stay as they are: % refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'insufficient_privilege';
    END $$
"""

REFUSE_ORPHANS = """
    CREATE OR REPLACE FUNCTION g2p_spar_refuse_orphans() RETURNS trigger
    LANGUAGE plpgsql AS $$
    DECLARE
        is_used boolean;
    BEGIN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %I = $1)',
                       TG_ARGV[0], TG_ARGV[1])
           INTO is_used USING OLD.id;
        IF is_used THEN
            RAISE EXCEPTION 'Row of % is still referenced from %',
                  TG_TABLE_NAME, TG_ARGV[0]
                USING ERRCODE = 'foreign_key_violation',
                      TABLE = TG_ARGV[0], COLUMN = TG_ARGV[1], CONSTRAINT = TG_NAME;
        END IF;
        RETURN OLD;
    END $$
"""

CREATE_TRIGGER = """
    DROP TRIGGER IF EXISTS %(name)s ON %(table)s;
    CREATE TRIGGER %(name)s BEFORE %(events)s ON %(table)s
        FOR EACH %(level)s EXECUTE FUNCTION %(call)s;
    ALTER TABLE %(table)s ENABLE ALWAYS TRIGGER %(name)s
"""


def _create_trigger(env, table, name, events, level, call):
    env.cr.execute(
        SQL(
            CREATE_TRIGGER,
            name=SQL.identifier(name),
            table=SQL.identifier(table),
            events=SQL(" OR ").join(SQL(event) for event in events),
            level=SQL(level),
            call=call,
        )
    )


def keep_rows(model, operations):
    """Refuse these operations, and TRUNCATE, on the table of ``model``."""
    env = model.env
    call = SQL("g2p_spar_refuse_change()")
    env.cr.execute(REFUSE_CHANGE)
    _create_trigger(env, model._table, "keep_rows", operations, "ROW", call)
    _create_trigger(env, model._table, "keep_table", ("TRUNCATE",), "STATEMENT", call)


def keep_referenced(model, field):
    """Refuse to delete rows that a Many2one without a foreign key references.

    :param model: model of the field
    :param field: the Many2one
    """
    env = model.env
    env.cr.execute(REFUSE_ORPHANS)
    _create_trigger(
        env,
        env[field.comodel_name]._table,
        f"{model._table}_{field.name}_in_use",
        ("DELETE",),
        "ROW",
        SQL("g2p_spar_refuse_orphans(%s, %s)", model._table, field.name),
    )


def drop_triggers(env):
    """Uninstall hook: tables of other addons keep no trigger of ours."""
    env.cr.execute(
        "DROP FUNCTION IF EXISTS g2p_spar_refuse_orphans, g2p_spar_refuse_change, "
        "g2p_spar_refuse_older, g2p_spar_is_older CASCADE"
    )
