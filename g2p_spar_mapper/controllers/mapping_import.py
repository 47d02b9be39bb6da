# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, http
from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import content_disposition, request
from odoo.modules.registry import Registry

from ..models.mapping_import_file import MAX_PART

PLAIN = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]


class MappingImportController(http.Controller):
    # The body is the part itself, so that it never lies on the server's disk as a form
    # would; the session's token comes in a header instead of a field.
    @http.route(
        "/spar/import/<int(min=1):import_id>/part/<int(min=0, max=9999):number>",
        type="http",
        auth="user",
        methods=["POST"],
        csrf=False,
        readonly=False,
        max_content_length=MAX_PART,
    )
    def upload(self, import_id, number):
        """Take the next part of a file."""
        if not request.validate_csrf(request.httprequest.headers.get("X-CSRF-Token")):
            return _plain(403)
        load = request.env["g2p.spar.import"].browse(import_id)
        content = request.httprequest.get_data(cache=False)
        try:
            load._add_part(number, content)
        except (AccessError, MissingError):
            # the same answer for somebody else's import as for none
            return _plain(404)
        except UserError as err:
            return _plain(409, str(err))
        return _plain(204)

    @http.route(
        "/spar/import/<int(min=1):import_id>/errors.csv",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def errors(self, import_id):
        """Stream the rows that were rejected, and why: row numbers and no values."""
        load = request.env["g2p.spar.import"].browse(import_id)
        try:
            name = load._get_error_file_name()
        except (AccessError, MissingError):
            return _plain(404)
        return request.make_response(
            _stream(load),
            headers=[
                ("Content-Type", "text/csv; charset=utf-8"),
                ("Content-Disposition", content_disposition(name)),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )


def _plain(status, text=""):
    return request.make_response(text, status=status, headers=PLAIN)


def _stream(load):
    """Yield the file from a cursor of its own: the request's one closes before."""
    dbname, uid, context = load.env.cr.dbname, load.env.uid, load.env.context
    with Registry(dbname).cursor(readonly=True) as cr:
        yield from load.with_env(api.Environment(cr, uid, context))._iter_errors()
