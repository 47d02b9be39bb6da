# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.http import Controller, request, route

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    AddressError,
    SparRejectedError,
    SparSecurityError,
)
from odoo.addons.g2p_spar_bank_directory.models.g2p_spar_directory_mixin import (
    COUNT_LIMIT,
)
from odoo.addons.g2p_spar_connector.models.g2p_spar_change import OPEN_STATES

from ..const import SEARCH_PAGE
from . import common
from .presenter import HOME

CHANGE = f"{HOME}/change"
URLS = {
    "kind": CHANGE,
    "provider": f"{CHANGE}/provider",
    "branch": f"{CHANGE}/branch",
    "number": f"{CHANGE}/number",
    "review": f"{CHANGE}/review",
    "remove": f"{HOME}/remove",
}
#: which step can mend an answer that is no longer good
STEP_OF_ERROR = {"fsp": "provider", "branch": "branch"}


class PaymentAccountChange(Controller):
    """Choosing, confirming and removing an account, one small page after the other.

    Each step is one address: GET shows it, POST keeps the answer in the person's draft
    and goes on, or keeps what is wrong with it and comes back. So reloading and the
    browser's back button always work, and a login in between comes back to the same
    step.
    """

    # --------------------------------------------------------------------- kind

    @route(CHANGE, type="http", auth="user", website=True, methods=["GET", "POST"])
    @common.for_beneficiaries
    def spar_kind(self, wire_id, sudo, **params):
        """Which kind of account."""
        draft = self._draft(sudo)
        if draft.change_id:
            draft = draft.browse()
        if request.httprequest.method == "POST":
            if not draft:
                draft = draft._start(request.env.user)
            try:
                draft._choose_kind(common.number(params.get("kind")))
                return self._go_on(draft, "kind")
            except AddressError as err:
                return self._refuse(draft, "kind", err.errors)
        errors, _typed = self._refusal(draft, "kind", params)
        return common.render(
            "portal_change_kind",
            page_title=request.env._("Where should we send your money?"),
            page_name="spar_kind",
            steps=self._step_bar(draft, "kind"),
            errors=errors,
            kinds=[
                {
                    "id": kind.id,
                    "code": kind.code,
                    "name": kind.name,
                    "help": kind.help,
                    "icon": common.presenter(sudo).icon(kind),
                    "chosen": kind == draft.account_type_id,
                }
                for kind in draft._kinds()
            ],
        )

    # ------------------------------------------------------- provider and branch

    @route(
        URLS["provider"],
        type="http",
        auth="user",
        website=True,
        methods=["GET", "POST"],
    )
    @common.for_beneficiaries
    def spar_provider(self, wire_id, sudo, **params):
        """Which bank or wallet provider."""
        return self._directory_step(sudo, "provider", params)

    @route(
        URLS["branch"], type="http", auth="user", website=True, methods=["GET", "POST"]
    )
    @common.for_beneficiaries
    def spar_branch(self, wire_id, sudo, **params):
        """Which branch of the chosen bank."""
        return self._directory_step(sudo, "branch", params)

    @route(
        [f"{URLS['provider']}/search", f"{URLS['branch']}/search"],
        type="http",
        auth="user",
        website=True,
        methods=["GET"],
        readonly=True,
    )
    @common.for_beneficiaries
    def spar_search(self, wire_id, sudo, **params):
        """Found entries while the person types: the same list as the page shows."""
        step = request.httprequest.path.split("/")[-2]
        draft = self._draft(sudo)
        if not draft._may_reach(step):
            return request.make_json_response({"html": "", "status": ""}, status=409)
        results = self._search(draft, step, params)
        html = request.env["ir.qweb"]._render(
            "g2p_spar_self_service.portal_directory_results",
            {"directory": step, "results": results},
        )
        return request.make_json_response(
            {"html": html, "status": results["status"]},
            headers={"Cache-Control": "no-store"},
        )

    def _directory_step(self, sudo, step, params):
        draft = self._draft(sudo)
        if not draft._may_reach(step):
            return self._go_on(draft)
        if request.httprequest.method == "POST":
            choose = (
                draft._choose_provider if step == "provider" else draft._choose_branch
            )
            try:
                choose(common.number(params.get(step)))
                return self._go_on(draft, step)
            except AddressError as err:
                return self._refuse(draft, step, err.errors)
        errors, _typed = self._refusal(draft, step, params)
        if step == "provider":
            title = (
                request.env._("Which bank is it?")
                if draft.account_type_id.code == "bank"
                else request.env._("Which provider is it?")
            )
            words = {
                "search_label": request.env._("Search by name"),
                "search_hint": request.env._(
                    "Type the first letters of the name, or its code."
                ),
                "chosen_so_far": draft.account_type_id.name,
            }
        else:
            title = request.env._("Which branch is it?")
            words = {
                "search_label": request.env._("Search by town or name"),
                "search_hint": request.env._(
                    "You find the branch on your bank card or statement."
                ),
                "chosen_so_far": draft.fsp_id.name,
            }
        return common.render(
            "portal_change_directory",
            page_title=title,
            page_name=f"spar_{step}",
            page_back=self._step_before(draft, step),
            page_url=URLS[step],
            search_url=f"{URLS[step]}/search",
            steps=self._step_bar(draft, step),
            errors=errors,
            directory=step,
            term=common.search_term(params.get("q")),
            results=self._search(draft, step, params),
            **words,
        )

    def _search(self, draft, step, params):
        """One page of providers or branches for what was typed."""
        term = common.search_term(params.get("q"))
        page = max(common.number(params.get("page")), 1)
        records, total = draft._find(step, term, page)
        pager = common.page_links(URLS[step], page, total, SEARCH_PAGE, q=term)
        if pager["page"] != page:
            records, total = draft._find(step, term, pager["page"])
        if not total and term:
            status = request.env._(
                "Nothing found. Try fewer letters or another spelling."
            )
        elif not total:
            status = request.env._(
                "There is nothing to choose from. Ask the office that registered you."
            )
        elif total == 1:
            status = request.env._("1 found. Choose it to go on.")
        elif total >= COUNT_LIMIT:
            status = request.env._(
                "%s or more found. Type more letters, then choose one to go on.", total
            )
        else:
            status = request.env._("%s found. Choose one to go on.", total)
        chosen = draft.fsp_id if step == "provider" else draft.branch_id
        present = common.presenter(draft.env)
        return {
            "status": status,
            "pager": pager,
            "rows": [
                {**present.entry(record, step), "chosen": record == chosen}
                for record in records
            ],
        }

    # ------------------------------------------------------------------- number

    @route(
        URLS["number"], type="http", auth="user", website=True, methods=["GET", "POST"]
    )
    @common.for_beneficiaries
    def spar_number(self, wire_id, sudo, **params):
        """The account number, the phone number or the e-mail address; typed twice."""
        draft = self._draft(sudo)
        if not draft._may_reach("number"):
            return self._go_on(draft)
        questions = draft._questions()
        keys = [question["key"] for question in questions]
        keys += [f"{q['key']}_again" for q in questions if q["is_number"]]
        if request.httprequest.method == "POST":
            typed = {key: common.text(params.get(key)) for key in keys}
            try:
                draft._type_answers(typed)
                return self._go_on(draft, "number")
            except AddressError as err:
                errors = err.errors
            mend = [STEP_OF_ERROR[key] for key in errors if key in STEP_OF_ERROR]
            if mend:
                return self._mend(draft, mend[0])
            return self._refuse(draft, "number", errors, typed)
        errors, typed = self._refusal(draft, "number", params)
        if not errors:
            typed = dict(draft.answers or {})
            typed |= {
                f"{q['key']}_again": typed.get(q["key"], "")
                for q in questions
                if q["is_number"]
            }
        return common.render(
            "portal_change_number",
            page_title=request.env._("Your account details"),
            page_name="spar_number",
            page_back=self._step_before(draft, "number"),
            steps=self._step_bar(draft, "number"),
            chosen_so_far=" · ".join(
                part for part in (draft.fsp_id.name, draft.branch_id.name) if part
            ),
            questions=[
                {**question, "input_mode": _input_mode(question["input_type"])}
                for question in questions
            ],
            values={key: common.printable(value) for key, value in typed.items()},
            match_words={
                "same": request.env._("Both are the same."),
                "differs": request.env._("The two are not the same yet."),
            },
            errors=errors,
        )

    # ------------------------------------------------------- review and confirm

    @route(
        URLS["review"], type="http", auth="user", website=True, methods=["GET", "POST"]
    )
    @common.for_beneficiaries
    def spar_review(self, wire_id, sudo, **params):
        """Everything at a glance, agreement and password; then it is sent."""
        draft = self._draft(sudo)
        if not draft._may_reach("review"):
            return self._go_on(draft)  # confirming twice leads to the same receipt
        if request.httprequest.method == "POST":
            consent = params.get("consent") == "yes"
            errors, change = self._try_to_confirm(draft, params, consent)
            if change:
                return request.redirect(f"{HOME}/receipt/{change.reference}")
            return self._refuse(draft, "review", errors, {"consent": consent})
        errors, typed = self._refusal(draft, "review", params)
        try:
            account = common.presenter(sudo).chosen(draft)
        except AddressError as err:
            # The directory has changed since: the person has to choose again.
            return self._mend(
                draft,
                next(
                    (STEP_OF_ERROR.get(key, "number") for key in err.errors), "number"
                ),
            )
        _situation, present = common.presenter(sudo).situation(wire_id)
        return common.render(
            "portal_change_review",
            page_title=request.env._("Is everything right?"),
            page_name="spar_review",
            page_back=URLS["number"],
            steps=self._step_bar(draft, "review"),
            account=account,
            replaces=present
            and request.env._(
                "It replaces your account at %(provider)s: %(number)s",
                provider=present["provider"] or present["kind"],
                number=present["number"],
            ),
            consent_text=draft._consent_text(),
            token=draft.token,
            values={"consent": typed.get("consent")},
            errors=errors,
        )

    # ------------------------------------------------------------------- remove

    @route(
        URLS["remove"], type="http", auth="user", website=True, methods=["GET", "POST"]
    )
    @common.for_beneficiaries
    def spar_remove(self, wire_id, sudo, **params):
        """What removing means; then it is sent."""
        draft = self._draft(sudo, "remove")
        posted = request.httprequest.method == "POST"
        if draft.change_id and (posted or draft.change_id.state in OPEN_STATES):
            return request.redirect(f"{HOME}/receipt/{draft.change_id.reference}")
        if posted:
            errors, change = self._try_to_confirm(draft, params, True)
            if change:
                return request.redirect(f"{HOME}/receipt/{change.reference}")
            draft = draft or draft._start(request.env.user, "remove")
            return self._refuse(draft, "remove", errors)
        situation, account = common.presenter(sudo).situation(wire_id)
        if situation != "linked":
            return request.redirect(HOME)
        if not draft or draft.change_id:
            draft = draft._start(request.env.user, "remove")
        errors, _typed = self._refusal(draft, "remove", params)
        return common.render(
            "portal_remove",
            page_title=request.env._("Remove your account?"),
            page_name="spar_remove",
            account=account,
            token=draft.token,
            errors=errors,
        )

    # ------------------------------------------------------------------ helpers

    def _draft(self, sudo, operation="set"):
        """The draft of the logged-in user; may be empty."""
        return sudo["g2p.spar.account.draft"]._of(request.env.user, operation)

    def _try_to_confirm(self, draft, params, consent):
        """Check the password, then confirm; all that is wrong is said at once.

        :return: ``(errors, change)``: texts by field, and the change or nothing
        """
        errors = {}
        token = common.text(params.get("token"))
        if draft.operation != "remove" and not consent:
            errors["consent"] = request.env._("Please tick the box if you agree.")
        password = common.text(params.get("password"), 4096)
        if not password:
            errors["password"] = request.env._("Please type your password.")
        else:
            try:
                request.env.user._spar_check_password(password)
            except SparSecurityError as err:
                errors["password"] = err.message
        if not draft and not errors:
            errors[""] = request.env._(
                "This page was open for a long time. Please confirm again."
            )
        if errors:
            return errors, None
        try:
            return {}, draft._confirm(token, consent)
        except AddressError as err:
            return err.errors, None
        except SparRejectedError as err:
            return {"": err.message}, None

    def _go_on(self, draft, after=None):
        """To the first step that lacks an answer, or just to the next one.

        :param str after: the step that was answered right now
        """
        wanted = draft._next_step()
        if wanted == "done":
            return request.redirect(f"{HOME}/receipt/{draft.change_id.reference}")
        steps = draft._steps()
        if after:
            draft.refusal = False
            wanted = steps[min(steps.index(after) + 1, steps.index(wanted))]
        return request.redirect(URLS[wanted])

    def _refuse(self, draft, step, errors, typed=None):
        """Keep what is wrong and send the browser to the page that says so.

        It could not go back to a page that is the answer to a POST.
        """
        draft._keep_refusal(step, errors, typed or {})
        return request.redirect(f"{URLS[step]}?refused=1")

    def _refusal(self, draft, step, params):
        """``(errors, typed)`` for a page that :meth:`_refuse` led to, else empty."""
        return draft._get_refusal(step) if params.get("refused") else ({}, {})

    def _mend(self, draft, step):
        """Back to a step whose answer is no longer good, which is forgotten."""
        draft._forget(step)
        return request.redirect(URLS[step])

    def _step_before(self, draft, step):
        steps = draft._steps()
        return URLS[steps[steps.index(step) - 1]]

    def _step_bar(self, draft, now):
        """The steps for the bar above each page."""
        labels = {
            "kind": request.env._("Kind"),
            "provider": request.env._("Provider"),
            "branch": request.env._("Branch"),
            "number": request.env._("Number"),
            "review": request.env._("Check"),
        }
        steps = draft._steps()
        position = steps.index(now)
        return {
            "summary": request.env._(
                "Step %(now)s of %(total)s", now=position + 1, total=len(steps)
            ),
            "items": [
                {
                    "label": labels[step],
                    "state": "now"
                    if step == now
                    else "done"
                    if index < position
                    else "later",
                    "url": URLS[step] if index < position else "",
                }
                for index, step in enumerate(steps)
            ],
        }


def _input_mode(input_type):
    """Which keyboard a phone shows; letters unless the field says otherwise."""
    return {"tel": "tel", "email": "email", "number": "numeric"}.get(input_type, "text")
