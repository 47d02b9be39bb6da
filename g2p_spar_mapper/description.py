# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The description of the API, for programs and for people, whichever server gives it.
It is public and tells nothing about this installation but the version of the software.
"""

from odoo.modules import Manifest

from .call import Reply
from .g2p_connect import messages, openapi, openapi_page

_CACHED = {"Cache-Control": "public, max-age=3600"}  # it changes with the software


def _document():
    return openapi.build(Manifest.for_addon("g2p_spar_mapper")["version"])


def give_document(_env, _call=None):
    """:rtype: Reply"""
    headers = {"Content-Type": "application/json"} | _CACHED
    return Reply(messages.encode(_document()), headers)


def give_page(env, _call=None):
    """:rtype: Reply"""
    values = openapi_page.arrange(_document())
    values["document_path"] = openapi.PATH
    qweb_sudo = env["ir.qweb"].sudo()  # the page holds no data
    page = qweb_sudo._render("g2p_spar_mapper.api_docs", values)
    headers = {"Content-Type": "text/html; charset=utf-8"} | _CACHED
    return Reply(f"<!DOCTYPE html>\n{page}".encode(), headers)
