# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import http
from odoo.http import request
from odoo.modules import Manifest

from ..g2p_connect import messages, openapi, openapi_page

#: it changes with the software only
CACHED = {"Cache-Control": "public, max-age=3600"}


class ApiDocsController(http.Controller):
    """The description of the API, for programs and for people. It is public and tells
    nothing about this installation but the version of the software."""

    @http.route(
        openapi.PATH, type="http", auth="none", methods=["GET"], save_session=False
    )
    def description(self):
        return request.make_response(
            messages.encode(self._document()),
            [("Content-Type", "application/json"), *CACHED.items()],
        )

    @http.route(
        openapi.PAGE_PATH, type="http", auth="none", methods=["GET"], save_session=False
    )
    def page(self):
        values = openapi_page.arrange(self._document())
        values["document_path"] = openapi.PATH
        qweb_sudo = request.env["ir.qweb"].sudo()  # the page holds no data
        page = qweb_sudo._render("g2p_spar_mapper.api_docs", values)
        return request.make_response(
            f"<!DOCTYPE html>\n{page}",
            [("Content-Type", "text/html; charset=utf-8"), *CACHED.items()],
        )

    def _document(self):
        return openapi.build(Manifest.for_addon("g2p_spar_mapper")["version"])
