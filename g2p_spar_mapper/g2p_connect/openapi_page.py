# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The description of the API arranged for a page that people read."""

import json

_REF = "#/components/"


def arrange(document: dict) -> dict:
    """What the page shows, section by section.

    :param document: from :func:`openapi.build`
    :return: ``title``, ``version``, ``paragraphs``, ``operations``, ``errors``,
        ``securities`` and ``shapes``: lists of dictionaries of texts
    """
    info = document["info"]
    components = document["components"]
    return {
        "title": info["title"],
        "version": info["version"],
        "paragraphs": [*map(_pieces, info["description"].strip().split("\n\n"))],
        "operations": [
            _operation(path, item["post"], components)
            for path, item in document["paths"].items()
        ],
        "errors": [
            {"status": name.removeprefix("Error"), "text": response["description"]}
            for name, response in components["responses"].items()
        ],
        "securities": [
            {"name": name, "text": scheme["description"]}
            for name, scheme in components["securitySchemes"].items()
        ],
        "shapes": [
            _shape(name, schema)
            for name, schema in components["schemas"].items()
            if schema.get("properties")
        ],
    }


def _pieces(paragraph):
    """Plain text and `code` by turns."""
    return [
        {"text": text, "code": bool(place % 2)}
        for place, text in enumerate(paragraph.split("`"))
    ]


def _operation(path, operation, components):
    content = operation["requestBody"]["content"]["application/json"]
    (example,) = content["examples"].values()
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return {
        "path": path,
        "anchor": operation["operationId"],
        "summary": operation["summary"],
        "description": operation["description"],
        "request": _name(content["schema"]),
        "answer": _name(answer),
        "example": json.dumps(example["value"], indent=2, ensure_ascii=False),
        "statuses": [status for status in operation["responses"] if status != "200"],
    }


def _shape(name, schema):
    required = schema.get("required", ())
    return {
        "name": name,
        "text": schema.get("description", ""),
        "members": [
            {
                "name": member,
                "type": _type(kind),
                "refers": _refers(kind),
                "required": member in required,
                "text": kind.get("description", ""),
                "values": kind.get("enum", ()),
            }
            for member, kind in schema["properties"].items()
        ],
    }


def _name(schema):
    return schema["$ref"].rpartition("/")[2]


def _type(schema):
    """The type in words."""
    if "anyOf" in schema:
        return " or ".join(_type(kind) for kind in schema["anyOf"])
    if "$ref" in schema:
        return _name(schema)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return schema.get("type", "string")


def _refers(schema):
    """The shape that a member is, or a list of which it is; empty if it is plain."""
    if "$ref" in schema:
        return _name(schema)
    return _refers(schema["items"]) if "items" in schema else ""
