# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Rules that each addon keeps."""

import ast
import csv
import re

import pytest
from spar_setup import addons, places

MANIFESTS = addons.manifests()

#: The floors (CONTRIBUTING.md): an addon depends only on those beneath it.
FLOORS = {
    "g2p_spar_bank_directory": 1,
    "g2p_spar_mapper": 2,
    "g2p_spar_connector": 3,
    "g2p_spar_self_service": 4,
    "g2p_spar_disbursement": 4,
}

#: Addons of others that ours may build on. All are LGPL-3; whoever adds one checks
#: that its licence is, too: some of Odoo's own carry an Enterprise licence.
FOREIGN = {
    "auth_oauth",
    "auth_signup",
    "base",
    "base_iban",
    "mail",
    "phone_validation",
    "portal",
    "queue_job",
    "web",
}

READMES = ("DESCRIPTION", "CONFIGURE", "USAGE", "CONTRIBUTORS")

pytestmark = pytest.mark.parametrize("addon", MANIFESTS)


def test_manifest(addon):
    manifest = MANIFESTS[addon]
    assert re.fullmatch(r"19\.0\.\d+\.\d+\.\d+", manifest["version"])
    assert manifest["license"] == "LGPL-3"
    assert manifest["author"] == "OpenG2P"
    assert manifest["website"] == "https://openg2p.org"
    assert "\n" not in manifest["summary"].strip()
    assert "description" not in manifest, "descriptions are in readme/"


def test_depends_only_on_floors_beneath(addon):
    for needed in MANIFESTS[addon]["depends"]:
        if needed in MANIFESTS:
            assert FLOORS[needed] < FLOORS[addon]
        else:
            assert needed in FOREIGN


def test_imports_only_what_it_depends_on(addon):
    reachable, todo = {addon}, [addon]
    while todo:
        for needed in MANIFESTS[todo.pop()]["depends"]:
            if needed in MANIFESTS and needed not in reachable:
                reachable.add(needed)
                todo.append(needed)
    for path in _python(addon):
        for name in re.findall(r"odoo\.addons\.(g2p_spar_\w+)", path.read_text()):
            assert name in reachable, f"{path} reaches for {name}"


def test_files_of_the_manifest(addon):
    """Every file is there and listed once; no data file is forgotten."""
    folder = places.ROOT / addon
    manifest = MANIFESTS[addon]
    listed = manifest.get("data", []) + manifest.get("demo", [])
    assert len(listed) == len(set(listed))
    for name in listed:
        assert (folder / name).is_file(), name
    kinds = ("security", "data", "demo", "views", "wizards", "report")
    present = {
        str(path.relative_to(folder))
        for kind in kinds
        for path in (folder / kind).rglob("*")
        if path.suffix in (".xml", ".csv")
    }
    assert present <= set(listed), "not in the manifest"


def test_packaging_and_documentation(addon):
    folder = places.ROOT / addon
    assert "whool" in (folder / "pyproject.toml").read_text()
    icon = (folder / "static/description/icon.png").read_bytes()
    assert icon.startswith(b"\x89PNG")
    for name in READMES:
        assert (folder / f"readme/{name}.md").read_text().strip(), name


def test_python_files_are_short(addon):
    for path in _python(addon):
        lines = len(path.read_text().splitlines())
        assert lines <= 450, f"{path} has {lines} lines: split it"


def test_test_modules_are_collected(addon):
    """A test file that its package does not import never runs."""
    package = places.ROOT / addon / "tests"
    imported = (package / "__init__.py").read_text()
    for path in package.glob("test_*.py"):
        assert re.search(rf"\b{path.stem}\b", imported), path.name


def test_words_of_scripts_are_translated(addon):
    """What is left empty the client takes from any other addon: “Payable” was
    “Fournisseur”, of the accountants. The OCA's check empties what is the same word in
    both languages: take another one."""
    for path in (places.ROOT / addon / "i18n").glob("*.po"):
        for entry in path.read_text().split("\n\n"):
            if "#. odoo-javascript" in entry:
                assert not entry.rstrip().endswith('msgstr ""'), f"{path}: {entry}"


def test_every_model_has_access_rights(addon):
    """A model without an access row is closed to all, mostly by oversight."""
    folder = places.ROOT / addon
    declared, abstract = set(), set()
    for path in _python(addon):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef):
                continue
            name = _class_attribute(node, "_name")
            bases = {getattr(base, "attr", "") for base in node.bases}
            if name and name.startswith("g2p.spar."):
                (abstract if "AbstractModel" in bases else declared).add(name)
    rows = folder / "security/ir.model.access.csv"
    granted = set()
    if rows.exists():
        with rows.open() as file:
            granted = {
                row["model_id:id"].split(".")[-1] for row in csv.DictReader(file)
            }
    for name in declared - abstract:
        assert f"model_{name.replace('.', '_')}" in granted, name


def _class_attribute(node, name):
    """Value of ``_name = "..."`` in a class body."""
    for statement in node.body:
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Constant)
            and any(getattr(target, "id", "") == name for target in statement.targets)
        ):
            return statement.value.value
    return None


def _python(addon):
    return sorted((places.ROOT / addon).rglob("*.py"))
