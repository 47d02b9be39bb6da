# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Made-up people whose IDs, numbers and names occur nowhere else, led through every
door of the suite; tests then look for them where they must not be."""

import base64
import re
import secrets
import string
import time
import uuid
from typing import NamedTuple

import g2p
import requests

WALLET = (
    "mobile_number:{number}.wallet_provider_name:M-PESA (Safaricom)"
    ".wallet_provider_code:MPESA-KE.fa_type:mobile_wallet_provider"
)
HOME = "/my/payment-account"
#: demo login of a beneficiary and the telling part of its ID
LOGIN, LOGIN_ID = "beneficiary2", "demo-beneficiary-2"
ALL = ("ID", "name", "phone", "account")
#: who is led through which door, and what of that person goes through it
KINDS = {
    "linked": ALL,  # by the API
    "later": ALL,  # by the API, asynchronously
    "staged": ALL,  # by an import that waits for approval
    "served": ALL,  # by an officer
    "typing": ALL,  # a wish that an officer has not sent yet
    "listed": ("ID", "name"),  # by a programme, and unknown to the registry
    "choosing": ("account",),  # in the portal
    "leaving": ("account",),  # in the portal, before confirming
}


class Person(NamedTuple):
    """What must not be found; ``wire_id`` and ``phone`` in part, too."""

    wire_id: str
    name: str
    phone: str
    account: str

    def secrets(self):
        """The texts to look for: what a masked form shows is not among them."""
        return {
            "ID": self.wire_id.partition(":")[2].partition("@")[0],
            "name": self.name.split()[-1],
            "phone": self.phone.lstrip("+"),
            "account": self.account.lstrip("+"),
        }


def make_person():
    """Nobody else has any of these values."""
    surname = "".join(secrets.choice(string.ascii_lowercase) for _n in range(14))
    return Person(
        wire_id=f"token:{uuid.uuid4().hex}@nationalId",
        name=f"Amina {surname.title()}",
        phone=_mobile(),
        account=_digits(14),
    )


def _digits(count):
    return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))


def _mobile():
    return f"+2547{_digits(8)}"


class Planted:
    """Puts the people in; afterwards :attr:`people` says whom to look for.

    :param RunningSpar spar: server with demo data
    """

    def __init__(self, spar):
        self.spar = spar
        self.people = {role: make_person() for role in KINDS}
        linked = self.people["linked"]
        self.people["linked"] = linked._replace(account=_mobile())
        self.ids = {}  #: name of what was made -> (model, record id)
        self._link()
        self._link_later()
        self._stage()
        self._serve()
        self._type()
        self._list()
        self._choose()

    def secrets(self):
        """``{what it is: text}`` of all people."""
        found = {
            f"{what} of {role}": text
            for role, kinds in KINDS.items()
            for what, text in self.people[role].secrets().items()
            if what in kinds
        }
        return found | {"ID of a login": LOGIN_ID}

    # ------------------------------------------------------------------ the doors

    def _link(self):
        person = self.people["linked"]
        item = {
            "id": person.wire_id,
            "fa": WALLET.format(number=person.account),
            "name": person.name,
            "phone_number": person.phone,
        }
        for operation in ("link", "update", "resolve"):
            answer = g2p.call(self.spar.base_url, operation, [item])
            assert answer.status_code == 200, answer.text
            (result,) = answer.json()["message"][f"{operation}_response"]
            # a pair of both is not a look-up that every client may do
            assert result["status"] == "succ" or operation == "resolve", result

    def _link_later(self):
        person = self.people["later"] = self.people["later"]._replace(account=_mobile())
        item = {
            "id": person.wire_id,
            "fa": WALLET.format(number=person.account),
            "name": person.name,
            "phone_number": person.phone,
        }
        root = "/mapper/async"
        answer = g2p.call(self.spar.base_url, "link", [item], root=root)
        assert answer.status_code == 200, answer.text
        deadline = time.monotonic() + 60
        while not g2p.resolve(self.spar.base_url, person.wire_id).get("fa"):
            assert time.monotonic() < deadline, "an asynchronous message is not done"
            time.sleep(0.5)

    def _stage(self):
        """An import as far as one person gets: uploaded and checked."""
        person = self.people["staged"]
        http = requests.Session()
        self.spar.log_in(http, "administrator", "administrator")
        page = http.get(self.spar.base_url + "/odoo", timeout=60).text
        token = re.search(r'csrf_token: "([^"]+)"', page).group(1)
        call = self.call("administrator")
        load = call("g2p.spar.import", "create", {"name": "Pensions"})
        rows = [
            "id,account type,provider,branch,account number,name,phone",
            f"{person.wire_id},bank,HDFC,HDFC0000522,{person.account},{person.name},"
            f"{person.phone}",
        ]
        content = "\n".join(rows).encode()
        answer = http.post(
            f"{self.spar.base_url}/spar/import/{load}/part/0",
            data=content,
            headers={"X-CSRF-Token": token},
            timeout=60,
        )
        assert answer.status_code == 204, answer.text
        call("g2p.spar.import", "finish_upload", [load], "people.csv", len(content))
        call("g2p.spar.import", "action_check", [load])
        self._wait("g2p.spar.import", load, "checked", call)

    def _serve(self):
        person, call = self.people["served"], self.call("officer")
        wizard = call("g2p.spar.change.wizard", "create", self._wish(call, person))
        action = call("g2p.spar.change.wizard", "action_submit", [wizard])
        self.ids["change"] = ("g2p.spar.change", action["res_id"])
        self._wait("g2p.spar.change", action["res_id"], "done", call)

    def _type(self):
        person, call = self.people["typing"], self.call("officer")
        wizard = call("g2p.spar.change.wizard", "create", self._wish(call, person))
        self.ids["wish"] = ("g2p.spar.change.wizard", wizard)
        login = {"beneficiary_id": person.wire_id}
        wizard = call("g2p.spar.beneficiary.login", "create", login)
        self.ids["login"] = ("g2p.spar.beneficiary.login", wizard)

    def _wish(self, call, person):
        def find(model, code):
            return call(model, "search", [("code", "=", code)])[0]

        return {
            "wire_id": person.wire_id,
            "account_type_id": find("g2p.spar.account.type", "bank"),
            "fsp_id": find("g2p.spar.fsp", "HDFC"),
            "branch_id": find("g2p.spar.fsp.branch", "HDFC0000522"),
            "number": person.account,
            "number_again": person.account,
            "holder_name": person.name,
            "phone": person.phone,
            "note": f"{person.name} came with a paper form",
        }

    def _list(self):
        call = self.call("programme")
        rows = [
            f"{person.wire_id},10.50,{person.name}"
            for person in map(self.people.get, ("linked", "served", "listed"))
        ]
        text = "\n".join(["id,amount,name", *rows])
        upload = {"name": "Grant", "source": "file", "file_name": "list.csv"}
        good = upload | {"file": base64.b64encode(text.encode()).decode()}
        wizard = call("g2p.spar.disbursement.import", "create", good)
        batch = call("g2p.spar.disbursement.import", "action_import", [wizard])
        batch = batch["res_id"]
        self.ids["batch"] = ("g2p.spar.disbursement", batch)
        call("g2p.spar.disbursement", "action_resolve", [batch])
        self._wait("g2p.spar.disbursement", batch, "resolved", call)
        # and one that stays, because its last line has to be corrected
        bad = base64.b64encode((text + "\nX,much").encode()).decode()
        wizard = call("g2p.spar.disbursement.import", "create", upload | {"file": bad})
        call("g2p.spar.disbursement.import", "action_import", [wizard])
        self.ids["upload"] = ("g2p.spar.disbursement.import", wizard)

    def _choose(self):
        """Two accounts in the portal: one confirmed, one left before confirming."""
        portal = PortalSession(self.spar, LOGIN)
        portal.answer(self.people["choosing"].account)
        portal.confirm()
        portal.answer(self.people["leaving"].account)

    # ------------------------------------------------------------------ helpers

    def call(self, login):
        return self.spar.odoo_rpc(login, login)

    def _wait(self, model, record_id, state, call):
        deadline = time.monotonic() + 60
        while True:
            (record,) = call(model, "read", [record_id], ["state"])
            if record["state"] == state:
                return
            assert time.monotonic() < deadline, f"{model} is still {record['state']}"
            time.sleep(0.5)


class PortalSession:
    """A beneficiary's way through the portal's forms, without a browser."""

    def __init__(self, spar, login):
        self.spar = spar
        self.login = login
        self.http = requests.Session()
        spar.log_in(self.http, login, login)

    def answer(self, number):
        """Choose the demo bank and type an account number."""
        self._post("/change", kind=self._option("/change", "kind", "data-kind", "bank"))
        for step, term, code in (
            ("provider", "hdfc", "HDFC"),
            ("branch", "mumbai", "HDFC0000522"),
        ):
            path = f"/change/{step}"
            option = self._option(f"{path}?q={term}", step, "data-code", code)
            self._post(path, **{step: option})
        self._post("/change/number", account_number=number, account_number_again=number)

    def confirm(self):
        token = self._field("/change/review", "token")
        answer = self._post(
            "/change/review", consent="yes", token=token, password=self.login
        )
        assert "/receipt/" in answer.url, answer.text

    def get(self, path):
        answer = self.http.get(self.spar.base_url + HOME + path, timeout=60)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def _post(self, path, **values):
        values["csrf_token"] = self._field(path, "csrf_token")
        return self.http.post(self.spar.base_url + HOME + path, data=values, timeout=60)

    def _field(self, path, name):
        return re.search(rf'name="{name}"[^>]*value="([^"]+)"', self.get(path)).group(1)

    def _option(self, path, name, attribute, wanted):
        """The value of the button with this mark."""
        for button in re.findall(r"<button[^>]+>", self.get(path)):
            if f'name="{name}"' in button and f'{attribute}="{wanted}"' in button:
                return re.search(r'value="(\d+)"', button).group(1)
        raise AssertionError(f"{path} does not offer {wanted}")
