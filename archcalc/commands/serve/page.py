"""The live page: the spec on the left, the report on the right; its script is `live.js`, its own style `live.css`."""

from __future__ import annotations

import json
from pathlib import Path

from archcalc import catalogue
from archcalc.commands.serve.opened import Opened
from archcalc.pictures import page
from archcalc.pictures.svg import escaped

_HERE = Path(__file__).parent


def policy(nonce: str) -> str:
    """What the page may do: run its own script, and ask its own server."""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def document(opened: Opened, token: str, nonce: str) -> str:
    """The page for what was opened; its script has the nonce of the policy that comes with it."""
    begin = json.dumps({"token": token, **opened.draft()}).replace("<", "\\u003c")
    save = "" if opened.path is None else '<button type="button" id="save">Save</button>'
    names = "".join(f"<option>{escaped(name)}</option>" for name in catalogue.names())
    body = f"""<header class="bar">
<h1>archcalc</h1> <span id="opened">{escaped(opened.shown)}</span>
<label>begin with <select id="catalogue"><option value="">…</option>{names}</select></label>
{save}<button type="button" id="link">Copy link</button>
<button type="button" id="finding" hidden></button><span id="said" role="status"></span>
</header>
<main class="live">
<section class="draft" aria-label="spec">
<div id="text" class="text" contenteditable="true" role="textbox" aria-multiline="true" aria-label="spec"
 aria-describedby="finding" spellcheck="false" autocorrect="off" autocapitalize="off" translate="no"></div>
<fieldset id="parameters" hidden><legend>parameters</legend><div></div>
<button type="button" id="reset">Reset</button></fieldset>
</section>
<div id="report" aria-label="report" tabindex="-1"></div>
</main>
<script type="application/json" id="begin">{begin}</script>
<script nonce="{nonce}">
{page.own("page.js")}{page.own("live.js", _HERE)}</script>
"""
    head = f'<link rel="icon" href="data:,">\n<style>\n{page.own("live.css", _HERE)}</style>\n'
    return page.whole("archcalc", body, policy(nonce).partition(" frame-ancestors")[0], head)
