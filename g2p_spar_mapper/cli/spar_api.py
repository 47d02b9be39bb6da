# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import sys

from odoo.cli import Command
from odoo.cli.server import report_configuration
from odoo.modules.registry import Registry
from odoo.service.server import load_server_wide_modules
from odoo.tools import config


class Spar_Api(Command):  # noqa: N801 - Odoo takes the command's name from it
    """Serve the G2P-Connect API, and nothing else, on a port of its own.

    Connections stay open and no session is made, so a call costs a fraction of what it
    costs in Odoo's own server, which serves the API as well. All further options are
    those of the server, for example --proxy-mode or --log-level.
    """

    name = "spar_api"

    def run(self, args):
        given, further = self._parse(args)
        config.parse_config(further, setup_logging=True)
        report_configuration()
        if len(config["db_name"]) != 1:
            sys.exit("spar_api: name one database with -d or in the configuration.")
        dbname = config["db_name"][0]
        load_server_wide_modules()
        if "g2p.spar.gateway" not in Registry(dbname):
            sys.exit(f"spar_api: g2p_spar_mapper is not installed in {dbname}.")

        from odoo.addons.g2p_spar_mapper.api_server import server

        server.serve(
            server.Settings(
                dbname,
                given.interface or config["http_interface"] or "0.0.0.0",  # noqa: S104
                given.port,
                given.workers,
                given.threads,
            )
        )

    def _parse(self, args):
        parser = self.parser
        parser.allow_abbrev = False
        parser.add_argument(
            "--interface", help="address to listen on; default: http_interface"
        )
        parser.add_argument("--port", type=int, default=8070, help="default: 8070")
        parser.add_argument(
            "--workers", type=int, default=2, help="processes; default: 2"
        )
        parser.add_argument(
            "--threads",
            type=int,
            default=4,
            help="calls that one process works on at the same time; default: 4",
        )
        return parser.parse_known_args(args)
