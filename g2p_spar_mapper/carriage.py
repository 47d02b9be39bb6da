# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What both carriers of the API, Odoo's routes and our own server, do alike."""

from .faults import ApiError

MIMETYPE = "application/json"
FORM_MIMETYPE = "application/x-www-form-urlencoded"


def check_request(method, mimetype, served=("POST",), needed=MIMETYPE):
    """Refuse what is no request to the API, before its body is read.

    :param str method: of HTTP
    :param str mimetype: the content type without its parameters
    :param tuple served: the methods that are served; the first is told
    :param str needed: the one content type that is read; none: nothing is read
    :raise ApiError: 405 or 415
    """
    if method not in served:
        headers = {"Allow": ", ".join(served)}
        raise ApiError(405, f"Only {served[0]} is served here", headers=headers)
    if needed and mimetype != needed:
        raise ApiError(415, f"The content type must be {needed}")


def too_long():
    """The body has more bytes than are read."""
    return ApiError(413, "The message is too long")


def response_headers(headers):
    """The headers of every answer: no cache keeps it, for it may hold personal data.

    :param dict headers: further ones; they win
    :rtype: dict
    """
    return {"Content-Type": MIMETYPE, "Cache-Control": "no-store"} | headers
