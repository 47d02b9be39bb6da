# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Drive the real OpenG2P connector library 1.0.0, unmodified.

Run it with the Python of the library's own environment
(requirements-connector.txt): ``connector_client.py BASE_URL``. Standard input is a JSON
list of ``[operation, arguments]``; standard output is the list of what the library
itself returned. A call that raises becomes ``{"raised": name of the exception}``.
"""

import asyncio
import json
import sys

from openg2p_spar_g2pconnect_mapper_connector_lib.app import Initializer
from openg2p_spar_g2pconnect_mapper_connector_lib.connector import MapperConnector


async def _run(base_url, calls):
    connector = MapperConnector.get_component()
    results = []
    for operation, arguments in calls:
        url = {f"{operation}_url": f"{base_url}/mapper/sync/{operation}"}
        try:
            response = await getattr(connector, operation)(**arguments, **url)
        except Exception as error:  # noqa: BLE001 the test looks at its name
            results.append({"raised": type(error).__name__})
        else:
            results.append(json.loads(response.model_dump_json()))
    return results


def main(base_url):
    Initializer()
    results = asyncio.run(_run(base_url, json.load(sys.stdin)))
    # the library's own logging goes to standard output, too
    sys.stdout.write("\nRESULTS " + json.dumps(results) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
