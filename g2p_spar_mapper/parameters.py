# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""System parameters of the API, read in one way."""

import logging

_logger = logging.getLogger(__name__)

PREFIX = "g2p_spar_mapper."


def text(env, name, default="", prefix=PREFIX):
    """A parameter of this addon; Odoo keeps them in memory.

    :param str name: without the addon's name
    :param str prefix: of another addon that reads its parameters in this way
    """
    # sudo: no user stands behind an API call, and parameters are for administrators
    return env["ir.config_parameter"].sudo().get_param(prefix + name) or default


def number(env, name, default, prefix=PREFIX):
    """A parameter that is a number above zero; a faulty one is logged and not used.

    :param str name: without the addon's name
    :param int default: when it is not set or faulty
    :param str prefix: as for :func:`text`
    :rtype: int
    """
    value = text(env, name, prefix=prefix)
    if not value:
        return default
    if value.isdecimal() and int(value):
        return int(value)
    _logger.error("%s%s is not a number above 0, using %s", prefix, name, default)
    return default


def switch(env, name):
    """Whether a parameter is on; it is off unless set to 1 or true."""
    return text(env, name).strip().lower() in ("1", "true")
