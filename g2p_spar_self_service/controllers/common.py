# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What both groups of pages share: who is asking, and how an answer is rendered."""

from functools import wraps
from urllib.parse import urlencode

from odoo.http import request

from ..const import SEARCH_TERM
from .presenter import HOME, Presenter


class NotHere(Exception):
    """Another person's record, or none: the person is told the same."""


def for_beneficiaries(handler):
    """Let only logins through that stand for a beneficiary.

    The ID comes from the session's user and from nowhere else; the handler gets it as
    ``wire_id`` together with ``sudo``, an environment with full rights in which it
    works for that ID alone.
    """

    @wraps(handler)
    def guarded(self, **params):
        user = request.env.user
        wire_id = user.sudo().spar_id
        if not wire_id:
            return render(
                "portal_no_id",
                page_title=request.env._("No beneficiary ID"),
                page_name="spar_no_id",
                status=403,
            )
        # Names of our own arguments are not taken from the request.
        params.pop("wire_id", None)
        params.pop("sudo", None)
        try:
            return handler(self, wire_id=wire_id, sudo=request.env(su=True), **params)
        except NotHere:
            return render(
                "portal_not_here",
                page_title=request.env._("Not found"),
                page_name="spar_not_here",
                status=404,
            )

    return guarded


def render(template, status=200, **values):
    """A page; never kept by the browser: phones and computers are shared."""
    direction = request.env["res.lang"]._get_data(code=request.env.lang).direction
    values = {
        "errors": {},
        "values": {},
        "page_back": HOME,
        "text_direction": direction or "ltr",
        "default_number_label": request.env._("Number"),
        **values,
    }
    response = request.render(f"g2p_spar_self_service.{template}", values)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def presenter(sudo):
    return Presenter(sudo)


def text(value, limit=1001):
    """A posted value as a text; a file or nothing counts as empty.

    One character more than the longest answer survives, so that a longer one is
    refused and not cut.
    """
    return value[:limit] if isinstance(value, str) else ""


def printable(value):
    """What of a refused text can be shown again in a page."""
    return "".join(char for char in value if char.isprintable())


def search_term(value):
    return " ".join(printable(text(value, SEARCH_TERM)).split())


def number(value):
    """A posted record id or page number; 0 for everything that is none."""
    value = text(value, 11).strip()
    if not (value.isascii() and value.isdigit()):
        return 0
    return int(value) if int(value) < 2**31 else 0


def page_links(url, page, total, size, **query):
    """Where the previous and the next page of a list are.

    :return: ``page``, ``page_count``, ``summary``, ``previous`` and ``next`` (URLs or
        empty)
    """
    page_count = max(1, -(-total // size))
    page = min(max(page, 1), page_count)

    def link(wanted):
        if not 1 <= wanted <= page_count:
            return ""
        arguments = {key: value for key, value in query.items() if value}
        if wanted > 1:
            arguments["page"] = wanted
        return f"{url}?{urlencode(arguments)}" if arguments else url

    return {
        "page": page,
        "page_count": page_count,
        "summary": request.env._(
            "Page %(now)s of %(total)s", now=page, total=page_count
        ),
        "previous": link(page - 1),
        "next": link(page + 1),
    }
