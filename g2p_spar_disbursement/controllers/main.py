# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, http
from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import content_disposition, request
from odoo.modules.registry import Registry

from ..models.disbursement_export import FILES


class DisbursementController(http.Controller):
    @http.route(
        "/spar/disbursement/<int(min=1):disbursement_id>/<string:file>.csv",
        type="http",
        auth="user",
        methods=["POST"],
    )
    def export(self, disbursement_id, file, **_form):
        """Stream one file of a disbursement.

        A POST with the session's token, for each download is an event and the first one
        closes the disbursement: another site must not be able to cause it.
        """
        if file not in FILES:
            raise request.not_found()
        batch = request.env["g2p.spar.disbursement"].browse(disbursement_id)
        try:
            name = batch._open_export(file)
        except (AccessError, MissingError) as err:
            # the same answer for a foreign list as for none
            raise request.not_found() from err
        except UserError as err:
            return request.make_response(str(err), status=409)
        return request.make_response(
            _stream(batch, file),
            headers=[
                ("Content-Type", "text/csv; charset=utf-8"),
                ("Content-Disposition", content_disposition(name)),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )


def _stream(batch, file):
    """Yield the file from a cursor of its own: the request's one closes before.

    Not from a replica: it could lag behind what the digest was made of.
    """
    dbname, uid, context = batch.env.cr.dbname, batch.env.uid, batch.env.context
    with Registry(dbname).cursor() as cr:
        yield from batch.with_env(api.Environment(cr, uid, context))._iter_file(file)
