import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/** Says at once whether the number typed twice is the same. The server checks again. */
export class NumberTwice extends Interaction {
    static selector = ".o_spar_number_form";
    dynamicContent = {
        input: { "t-on-input": this.compare },
    };

    compare() {
        for (const againEl of this.el.querySelectorAll("[data-same-as]")) {
            const firstEl = this.el.querySelector(`#${againEl.dataset.sameAs}`);
            const matchEl = againEl.parentElement.querySelector(".o_spar_match");
            const [first, again] = [firstEl, againEl].map((el) =>
                el.value.replace(/[\s-]/g, "").toLowerCase()
            );
            // Say nothing while the second one is still being typed.
            const complete = again.length && again.length >= first.length;
            matchEl.hidden = !complete;
            if (complete) {
                const same = first === again;
                matchEl.textContent = same ? matchEl.dataset.same : matchEl.dataset.differs;
                matchEl.classList.toggle("o_spar_match_good", same);
            }
        }
    }
}

/** A second tap on "Confirm" does nothing. The server would give the same receipt. */
export class SendOnce extends Interaction {
    static selector = ".o_spar form[data-send-once]";
    dynamicContent = {
        _root: { "t-on-submit": this.onSubmit },
        _window: { "t-on-pageshow": () => (this.sent = false) },
        "button[type=submit]": { "t-att-aria-disabled": () => (this.sent ? "true" : false) },
    };

    setup() {
        this.sent = false;
    }

    onSubmit(ev) {
        if (this.sent) {
            ev.preventDefault();
        }
        this.sent = true;
    }
}

registry
    .category("public.interactions")
    .add("g2p_spar_self_service.number_twice", NumberTwice)
    .add("g2p_spar_self_service.send_once", SendOnce);
