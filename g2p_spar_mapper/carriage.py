# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What both carriers of the API, Odoo's routes and our own server, do alike."""

from .faults import ApiError

MIMETYPE = "application/json"


def check_request(method, mimetype):
    """Refuse what is no request to the API, before its body is read.

    :param str method: of HTTP
    :param str mimetype: the content type without its parameters
    :raise ApiError: 405 or 415
    """
    if method != "POST":
        raise ApiError(405, "Only POST is served here", headers={"Allow": "POST"})
    if mimetype != MIMETYPE:
        raise ApiError(415, f"The content type must be {MIMETYPE}")


def too_long():
    """The body has more bytes than are read."""
    return ApiError(413, "The message is too long")


def response_headers(headers):
    """The headers of every answer: no cache keeps it, for it may hold personal data.

    :param dict headers: further ones; they win
    :rtype: dict
    """
    return {"Content-Type": MIMETYPE, "Cache-Control": "no-store"} | headers
