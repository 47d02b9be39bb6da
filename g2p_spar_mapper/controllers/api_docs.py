# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import http
from odoo.http import request

from .. import description
from ..g2p_connect import openapi


class ApiDocsController(http.Controller):
    """The description of the API, for programs and for people."""

    @http.route(
        openapi.PATH, type="http", auth="none", methods=["GET"], save_session=False
    )
    def document(self):
        reply = description.give_document(request.env)
        return request.make_response(reply.body, [*reply.headers.items()])

    @http.route(
        openapi.PAGE_PATH, type="http", auth="none", methods=["GET"], save_session=False
    )
    def page(self):
        reply = description.give_page(request.env)
        return request.make_response(reply.body, [*reply.headers.items()])
