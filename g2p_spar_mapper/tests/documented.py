# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Whether an answer is one that the description of the API announces."""

import functools

import jsonschema

from ..g2p_connect import openapi


@functools.cache
def document():
    return openapi.build("0")


@functools.cache
def _validator(path, status):
    """Checks bodies of answers; None where nothing is announced."""
    responses = document()["paths"][path]["post"]["responses"]
    response = responses.get(str(status))
    if response is None:
        return None
    if "$ref" in response:
        name = response["$ref"].rpartition("/")[2]
        response = document()["components"]["responses"][name]
    schema = response["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator(
        schema | {"components": document()["components"]}
    )


def faults(path, status, body):
    """What is not as announced.

    :param str path: where the request went
    :param int status: of the answer
    :param body: of the answer, decoded
    :return: sentences; none for a path that is an alias
    """
    if path not in document()["paths"]:
        return []
    validator = _validator(path, status)
    if validator is None:
        return [f"status {status} is not announced"]
    return [
        f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(body)
    ]
