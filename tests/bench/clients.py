# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Runs inside ``odoo shell``: two API clients, one known by its network and one that
signs. The private key of the second goes to the file SPAR_BENCH_KEY."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
common = {
    "organisation": "Bench",
    "purpose": "Measuring",
    "state": "live",
    "may_link": True,
    "may_update": True,
    "may_unlink": True,
    "may_resolve": True,
    "may_see_details": True,
    "networks": "127.0.0.0/8",
    "profile": "compat",
    "item_limit": 100_000,
}
clients = env["g2p.spar.client"]  # noqa: F821 the shell provides env
clients.create({**common, "name": "A", "code": "bench", "credentialless": True})
signing = clients.create(
    {**common, "name": "B", "code": "bench-signed", "credentials": "signature"}
)
public = key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
env["g2p.spar.client.key"].create(  # noqa: F821
    {"client_id": signing.id, "material": public.decode(), "kid": "bench"}
)
env.cr.commit()  # noqa: F821
private = key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
Path(os.environ["SPAR_BENCH_KEY"]).write_bytes(private)
