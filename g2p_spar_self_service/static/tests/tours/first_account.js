import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("g2p_spar_first_account", {
    steps: () => [
        {
            content: "the card has learnt the state of the account",
            trigger: ".o_spar_home_card:contains(No account yet)",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "[data-testid=add-account]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "button[data-kind=bank]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "search as you type",
            trigger: "[data-testid=search-input]",
            run: "edit tidewater",
        },
        {
            trigger: "[data-testid=search-status]:contains(1 found)",
        },
        {
            trigger: "[data-testid=result][data-code=TIDETEST]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "[data-testid=result][data-code=HARB01]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "[data-testid=number]",
            run: "edit 123456789012",
        },
        {
            trigger: "[data-testid=number-again]",
            run: "edit 123456789013",
        },
        {
            trigger: ".o_spar_match:contains(not the same)",
        },
        {
            trigger: "[data-testid=number-again]",
            run: "edit 1234 5678 9012",
        },
        {
            trigger: ".o_spar_match_good:contains(the same)",
        },
        {
            trigger: "[data-testid=continue]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "[data-testid=consent]",
            run: "check",
        },
        {
            trigger: "[data-testid=password]",
            run: "edit spar_amina-password",
        },
        {
            trigger: "[data-testid=confirm]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "a receipt that can be printed",
            trigger: "[data-testid=receipt]:has([data-testid=print]:visible) [data-testid=reference]",
        },
    ],
});
