# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Rules of the repository as a whole."""

import os
import re
import subprocess

import pytest
from spar_setup import addons, places

#: Names on the Python index of modules that are called otherwise when imported.
PACKAGES = {"jwt": "pyjwt", "stdnum": "python-stdnum"}

#: What nobody else's machine has, and addresses that differ from place to place.
PRIVATE = re.compile(
    r"/(?:home|root|Users|opt|work)/\w+|"
    r"https?://(?:deb|security|ftp)[\w.]*\.debian\.org|"
    r"https?://(?:files\.pythonhosted|pypi|registry\.npmjs)\.org/"
)


def test_no_private_paths_or_registry_hosts():
    for path in _tracked():
        if path.name in ("LICENSE", "test_repository.py"):
            continue
        for number, line in enumerate(_text(path).splitlines(), 1):
            found = PRIVATE.search(line)
            assert not found, f"{path}:{number} has {found[0]}"


def test_text_files_are_tidy():
    """No trailing blanks, no foreign line ends, one line end at the end."""
    for path in _tracked():
        text = _text(path)
        assert "\r" not in text, path
        assert not text or text.endswith("\n"), f"{path}: last line has no end"
        assert not text.endswith("\n\n"), f"{path}: empty lines at its end"
        if path.suffix not in (".md", ".po", ".pot"):
            blanks = re.search(r"[ \t]+$", text, re.MULTILINE)
            assert not blanks, f"{path}: blanks at the end of a line"


def test_licence_is_lgpl():
    text = (places.ROOT / "LICENSE").read_text()
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text
    assert "Version 3, 29 June 2007" in text


@pytest.mark.parametrize("name", ["requirements.txt", "test-requirements.txt"])
def test_requirements_are_pinned(name):
    for line in _requirements(name):
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][\w.]*", line), line


def test_requirements_do_not_contradict():
    run = dict(_pins("requirements.txt"))
    test = dict(_pins("test-requirements.txt"))
    assert not run.keys() & test.keys(), "in both files"


def test_requirements_have_what_the_manifests_name():
    pinned = dict(_pins("requirements.txt"))
    for addon, manifest in addons.manifests().items():
        for name in manifest.get("external_dependencies", {}).get("python", []):
            module = re.split(r"[<>=!~ \[]", name)[0].lower().replace("_", "-")
            package = PACKAGES.get(module, module)
            assert package in pinned, f"{addon} needs {name}"


def test_commands_can_be_executed():
    for name in ("setup/run", "setup/test", ".ci/run"):
        assert os.access(places.ROOT / name, os.X_OK), name


def _tracked():
    """Files of the repository, also those about to be added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=places.ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    paths = [places.ROOT / os.fsdecode(name) for name in listed if name]
    return [path for path in paths if path.is_file()]


def _text(path):
    """The text of a file; nothing for pictures and the like."""
    content = path.read_bytes()
    if b"\0" in content or path.suffix in (".png", ".csv", ".svg"):
        return ""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""


def _requirements(name):
    lines = (places.ROOT / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _pins(name):
    for line in _requirements(name):
        package, version = line.split("==")
        yield package.lower().replace("_", "-"), version
