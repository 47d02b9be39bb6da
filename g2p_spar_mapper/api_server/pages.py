# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What our server serves besides the operations of the protocol."""

from collections.abc import Callable
from typing import NamedTuple

from .. import description
from ..call import Reply
from ..carriage import FORM_MIMETYPE
from ..g2p_connect import openapi


class Page(NamedTuple):
    """One path and what answers there."""

    methods: tuple  #: of HTTP
    answer: Callable  #: of an environment and a Call, gives a Reply
    readonly: bool = True
    mimetype: str = ""  #: of the body; none: there is no body


def _jwks(env, _call):
    keys = env["g2p.spar.signing.key"]._jwks()
    return Reply(keys, {"Cache-Control": "max-age=300"})


def _token(env, call):
    return env["g2p.spar.token"]._serve(call)


_READ = ("GET", "HEAD")  # to the latter the web server sends no body
PAGES = {
    "/oauth2/client/token": Page(("POST",), _token, mimetype=FORM_MIMETYPE),
    "/.well-known/jwks.json": Page(_READ, _jwks),
    openapi.PATH: Page(_READ, description.give_document),
    openapi.PAGE_PATH: Page(_READ, description.give_page),
}
