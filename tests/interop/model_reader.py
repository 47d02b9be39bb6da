# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Read answers with the model classes of the real OpenG2P libraries.

Run it with the Python of an environment that has them. Standard input is a JSON list of
``[kind, answer]``, where the kind is an operation, ``ack``, ``callback`` or ``status``;
standard output is the list of what the classes made of them, or why they refused.
"""

import json
import sys

from openg2p_g2pconnect_common_lib import schemas as common
from openg2p_g2pconnect_mapper_lib import schemas as mapper
from pydantic import ValidationError

CLASSES = {
    "link": mapper.LinkResponse,
    "update": mapper.UpdateResponse,
    "unlink": mapper.UnlinkResponse,
    "resolve": mapper.ResolveResponse,
    "status": mapper.TxnStatusResponse,
    "ack": common.AsyncResponse,
    "callback": common.AsyncCallbackRequest,
}


def _read(kind, answer):
    try:
        read = CLASSES[kind].model_validate(answer)
    except ValidationError as error:
        return {"refused": str(error)}
    return json.loads(read.model_dump_json())


json.dump([_read(*pair) for pair in json.load(sys.stdin)], sys.stdout)
