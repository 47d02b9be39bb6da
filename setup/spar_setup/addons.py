# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The addons of this checkout: found by their folders, never listed by hand."""

import ast
import hashlib

from . import places


def manifests():
    """Map each addon to its manifest, in dependency order (floors from below)."""
    found = {}
    for path in sorted(places.ROOT.glob("*/__manifest__.py")):
        found[path.parent.name] = ast.literal_eval(path.read_text())
    ordered = {}

    def add(name):
        for needed in found[name].get("depends", []):
            if needed in found and needed not in ordered:
                add(needed)
        ordered[name] = found[name]

    for name in found:
        add(name)
    return ordered


def foreign_dependencies(names):
    """What some addons of ours need, directly or through each other, that is not ours.

    :param names: addons of this checkout
    :return: sorted names
    """
    known = manifests()
    foreign, todo = set(), list(names)
    while todo:
        for needed in known[todo.pop()].get("depends", []):
            if needed in known:
                todo.append(needed)
            else:
                foreign.add(needed)
    return sorted(foreign)


def fingerprints():
    """Map each addon to a hash of the files that matter to its database."""
    return {name: _fingerprint(places.ROOT / name) for name in manifests()}


def _fingerprint(folder):
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if (
            path.is_file()
            and parts[0] not in ("tests", "readme")
            and ("__pycache__" not in parts)
        ):
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
