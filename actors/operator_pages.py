"""The plain `/kill` page: no script, no style sheet to fetch, works when all else is broken."""

from collections.abc import Sequence
from html import escape
from typing import Final

from actors.operator_words import Answer, KillDone, KillLevel

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_STYLE: Final = """
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:34rem;margin:1rem auto;padding:0 1rem}
label,button{display:block;width:100%;margin:.75rem 0 0}
input,button{font:inherit;padding:.75rem;box-sizing:border-box;width:100%}
button{font-weight:700;border:2px solid;text-align:left}
small{display:block;font-weight:400}
.now{padding:.75rem;border:2px solid;font-weight:700}
"""

_MEANING: Final = {
    KillLevel.PAUSE: "no new entries; exits and stops go on",
    KillLevel.FLATTEN: "cancel all working orders, close all positions, then pause",
    KillLevel.EMERGENCY: "cancel everything and halt; only a person resumes",
}


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def kill_form(*, request_id: str, mode: str, kill_level: str, is_signed_in: bool) -> str:
    """The form with its three buttons.

    `request_id` is made by the server for this showing of the page, so that a double click or a
    repeated submit acts once.
    """
    token = (
        ""
        if is_signed_in
        else (
            "<label>Token (file operator.token in the data directory)"
            '<input type="password" name="token" autocomplete="off" required></label>'
        )
    )
    buttons = "".join(
        f'<button name="level" value="{level}">{level}<small>{escape(meaning)}</small></button>'
        for level, meaning in _MEANING.items()
    )
    return _page(
        "Holdfast: stop trading",
        f'<p class="now" role="status">{escape(mode)} · kill level {escape(kill_level)}</p>'
        '<form method="post" action="/kill">'
        f'<input type="hidden" name="id" value="{escape(request_id)}">'
        f"{token}"
        '<label>Reason<input name="reason" maxlength="500" autocomplete="off"></label>'
        f"{buttons}</form>"
        "<p>From a shell: <code>holdfast kill FLATTEN --reason TEXT</code></p>",
    )


def kill_result(answers: Sequence[Answer]) -> str:
    """What came of the request, with its counts."""
    if not answers:
        return _page("Holdfast: no answer yet", f"<p>The trader has not answered.</p>{_BACK}")
    lines = "".join(f"<li>{escape(_line(answer))}</li>" for answer in answers)
    return _page("Holdfast: answer", f'<ul role="status">{lines}</ul>{_BACK}')


def refusal(text: str) -> str:
    """Why nothing was done."""
    return _page("Holdfast: refused", f'<p role="alert">{escape(text)}</p>{_BACK}')


_BACK: Final = '<p><a href="/kill">Back</a></p>'


def _line(answer: Answer) -> str:
    match answer:
        case KillDone():
            return (
                f"done: {answer.cancelled} orders cancelled, {answer.closed} positions closed, "
                f"{answer.failed} failed, {answer.remaining} remaining"
            )
        case _:
            return ", ".join(f"{key} {value}" for key, value in answer.to_json().items())
