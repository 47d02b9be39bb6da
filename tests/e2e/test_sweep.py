# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Who may see what, tried on every field of every model of the suite, by every way
there is to read over HTTP. Fields come from the registry: a new one is swept, too."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from planted import make_person
from sweeper import Sweeper, Texts, fields_by_model

MAPPER = "g2p_spar_mapper.group_spar_"
DIRECTORY = "g2p_spar_bank_directory.group_spar_"
NAMES = {f"name of {who}" for who in ("linked", "later", "served")}
TYPED = {f"{what} of typing" for what in ("ID", "name", "phone", "account")}
LISTED = {f"{what} of {who}" for what in ("ID", "name") for who in ("linked", "served")}

#: role -> (groups of a new login, or none for a demo login), what it may read
ROLES = {
    "officer": ((f"{MAPPER}officer",), NAMES),
    "auditor": ((f"{MAPPER}auditor",), NAMES),
    "steward": ((f"{DIRECTORY}steward",), set()),
    "administrator": ((f"{DIRECTORY}administrator",), set()),
    "approver": (("g2p_spar_connector.group_spar_approver",), NAMES),
    "import approver": ((f"{MAPPER}import_approver",), set()),
    "programme": (("g2p_spar_disbursement.group_spar_payments",), set()),
    "employee": (("base.group_user",), set()),
    "person": (("base.group_portal",), set()),
    "reveal": ((f"{MAPPER}officer", f"{MAPPER}reveal"), NAMES),
    "everything": (
        (
            *(f"{MAPPER}officer", f"{MAPPER}auditor", f"{MAPPER}reveal"),
            *(f"{DIRECTORY}administrator", "base.group_system"),
            "g2p_spar_disbursement.group_spar_payments",
        ),
        NAMES,
    ),
    "author of a wish": ("officer", NAMES | TYPED),
    "owner of a list": (
        "programme",
        # the demo data has a list with the login's ID
        NAMES | LISTED | {"ID of listed", "name of listed", "ID of a login"},
    ),
    "beneficiary": ("beneficiary2", set()),
    "nobody": (None, set()),
}
#: searches by a whole ID that find the person's rows: that is what they are for
LOOKUPS = {
    *("lookup", "display_name", "id_shown"),
    *("mapping_id", "previous_mapping_id", "timeline_ids"),
}


#: what Odoo logs of questions that it refuses or has no answer to
REFUSALS = r"(WARNING|ERROR) \S+ odoo\.(http|models|domains): "


@pytest.fixture(scope="module")
def refusals(spar):
    """Lets the log have refusals from now on; what it has before is judged first."""
    assert spar.log_problems() == []
    spar.allow_log(REFUSALS)


@pytest.fixture(scope="module")
def logins(spar, refusals):
    """A new login for each role that has groups; its password is the login."""
    call = spar.odoo_rpc("admin", "admin")
    made, run = {}, uuid.uuid4().hex[:6]
    for role, (groups, _may_read) in ROLES.items():
        if isinstance(groups, str) or groups is None:
            made[role] = groups
            continue
        export = ("base.group_allow_export",) * ("base.group_portal" not in groups)
        ids = [
            call(
                "ir.model.data",
                "search_read",
                [["module", "=", module], ["name", "=", name]],
                ["res_id"],
            )[0]["res_id"]
            for module, name in (group.split(".") for group in (*groups, *export))
        ]
        made[role] = f"sweep_{role}_{run}"
        call(
            "res.users",
            "create",
            {
                "name": f"Sweep {role}",
                "login": made[role],
                "password": made[role],
                "group_ids": [[6, 0, ids]],
            },
            context={"no_reset_password": True},
        )
    return made


def test_no_group_is_left_out(spar):
    rows = spar.psql(
        "SELECT module || '.' || name AS name FROM ir_model_data"
        " WHERE model = 'res.groups' AND module LIKE 'g2p_spar_%'"
    )
    swept = {
        group
        for groups, _may_read in ROLES.values()
        if isinstance(groups, tuple)
        for group in groups
    }
    # what all have in common reads no more than each of them
    common = {f"{DIRECTORY}user"}
    assert {row["name"] for row in rows} - swept == common


@pytest.mark.parametrize("role", ROLES)
def test_sweep(spar, planted, logins, role):
    login, may_read = logins[role], ROLES[role][1]
    fields = fields_by_model(spar)
    assert len(fields) > 20
    texts = Texts(
        [planted.people["linked"], planted.people["served"]],
        Texts([make_person(), make_person()]),
    )
    sweeper = Sweeper(spar, login, planted.secrets(), texts, fields)
    if login:
        sweeper.make_key(login)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(sweeper.sweep, fields))
    assert {
        what: where for what, where in sweeper.found.items() if what not in may_read
    } == {}
    told = {
        (model, name, kind)
        for model, name, kind in sweeper.told
        if kind != "whole" or name.split(".")[-1] not in LOOKUPS
    }
    assert told == set()
