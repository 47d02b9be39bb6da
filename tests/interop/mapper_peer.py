# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Start the real OpenG2P mapper 1.1.0 as a test peer.

Run it with the Python of the peer's own environment (requirements-mapper.txt):
``mapper_peer.py HOST PORT``, with the SPAR_MAPPER_* settings in the environment. It
makes its table, then serves until it is ended.

The mapper asks a key manager about the signature of each request. There is none here,
so this check alone is answered with yes; all else is the mapper as published.
"""

import asyncio
import sys

import uvicorn

# settings register in the order of import: the mapper's own come first
from openg2p_spar_mapper_api.app import Initializer  # isort: skip
from openg2p_fastapi_common.context import dbengine  # isort: skip
from openg2p_fastapi_common.ping import PingInitializer  # isort: skip
from openg2p_g2pconnect_common_lib.jwt_signature_validator import (  # isort: skip
    JWTSignatureValidator,
)
from openg2p_spar_mapper_api.models import IdFaMapping  # isort: skip
from fastapi import Request  # isort: skip


async def _signature_is_valid(self, request: Request):
    return True


async def _make_table():
    await IdFaMapping.create_migrate()
    # its connections belong to this event loop, which ends here
    await dbengine.get().dispose()


def main(host, port):
    JWTSignatureValidator.__call__ = _signature_is_valid
    mapper = Initializer()
    PingInitializer()
    asyncio.run(_make_table())
    uvicorn.run(mapper.return_app(), host=host, port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:3])
