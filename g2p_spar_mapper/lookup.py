# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What search methods for IDs have in common."""

from odoo.exceptions import UserError
from odoo.fields import Domain


def refuse_operator(env, operator):
    """What a search method answers to an operator that it does not serve.

    Odoo's own error quotes the value, which is an ID, on the screen and in the log.

    :param str operator: operator of the search
    :return: ``NotImplemented`` for a negative one: Odoo asks again for its opposite
    :raise UserError: for all others, naming no value
    """
    if operator in Domain.NEGATIVE_OPERATORS:
        return NotImplemented
    raise UserError(
        env._("An ID can only be searched as a whole: choose “is equal to”.")
    )
