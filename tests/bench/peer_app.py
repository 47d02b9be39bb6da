# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The real OpenG2P mapper 1.1.0 as an ASGI application, for several processes.

Run it with the Python of the peer's environment: ``uvicorn peer_app:app``. With
``SPAR_BENCH_SIGNATURES=off`` its question to the key manager is answered with yes,
which is its best case; otherwise it asks, as published. ``peer_app.py`` makes its
table.
"""

import asyncio
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "interop"))

import mapper_peer  # noqa: E402

if os.environ.get("SPAR_BENCH_SIGNATURES") == "off":
    mapper_peer.JWTSignatureValidator.__call__ = mapper_peer._signature_is_valid

_mapper = mapper_peer.Initializer()
mapper_peer.PingInitializer()
app = _mapper.return_app()

if __name__ == "__main__":
    asyncio.run(mapper_peer._make_table())
