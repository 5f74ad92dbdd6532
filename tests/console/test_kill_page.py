"""The plain page: a form that works without script, and only for who holds the token."""

import re
from pathlib import Path

import aiohttp
import pytest

from tests.console.operator_client import Desk, run, served


async def _submit(
    browser: aiohttp.ClientSession, desk: Desk, **fields: str
) -> tuple[int, str, aiohttp.ClientResponse]:
    headers = {"Origin": desk.url}
    async with browser.post(desk.url + "/kill", data=fields, headers=headers) as response:
        return response.status, await response.text(), response


def test_the_page_has_three_buttons_and_no_script(tmp_path: Path) -> None:
    """KC-1: works with scripts off, names mode and level, loads nothing from anywhere."""

    async def scenario() -> None:
        async with (
            served(tmp_path) as desk,
            aiohttp.ClientSession() as browser,
            browser.get(desk.url + "/kill") as response,
        ):
            page = await response.text()
            assert re.findall(r'name="level" value="(\w+)"', page) == [
                "PAUSE",
                "FLATTEN",
                "EMERGENCY",
            ]
            assert "PAPER" in page
            assert 'type="password" name="token"' in page
            assert not re.search(r"<script|src=|http://|https://|javascript:| on\w+=", page)
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]

    run(scenario)


def test_the_form_kills_once_for_each_showing(tmp_path: Path) -> None:
    """KC-1: token and level by form; a double submit acts once; the counts are shown."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, aiohttp.ClientSession() as browser:
            async with browser.get(desk.url + "/kill") as response:
                found = re.search(r'name="id" value="([^"]+)"', await response.text())
            assert found is not None
            fields = {"id": found[1], "level": "FLATTEN", "reason": "<b>"}
            for _ in range(2):
                status, page, _response = await _submit(browser, desk, token=desk.token, **fields)
                assert status == 200
                assert "2 orders cancelled, 1 positions closed, 0 failed, 0 remaining" in page
            assert [kill.reason for kill in desk.trader.kills] == ["<b>"]
            assert desk.trader.kills[0].by == "page"

    run(scenario)


def test_once_signed_in_the_cookie_stands_for_the_token(tmp_path: Path) -> None:
    """UI-9: HttpOnly and SameSite=Strict; without our own Origin the cookie is not enough."""

    async def scenario() -> None:
        jar = aiohttp.CookieJar(unsafe=True)  # the test's host is an address
        async with served(tmp_path) as desk, aiohttp.ClientSession(cookie_jar=jar) as browser:
            _, _, response = await _submit(browser, desk, token=desk.token, level="PAUSE")
            cookie = response.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert desk.token not in cookie
            async with browser.get(desk.url + "/kill") as shown:
                assert "password" not in await shown.text()
            assert (await _submit(browser, desk, level="FLATTEN"))[0] == 200
            async with browser.post(desk.url + "/kill", data={"level": "PAUSE"}) as bare:
                assert bare.status == 401
            evil = {"Origin": "https://evil.example"}
            async with browser.post(
                desk.url + "/kill", data={"level": "PAUSE"}, headers=evil
            ) as foreign:
                assert foreign.status == 403
            assert [kill.level for kill in desk.trader.kills] == ["PAUSE", "FLATTEN"]

    run(scenario)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"level": "FLATTEN"}, 401),
        ({"level": "FLATTEN", "token": "wrong"}, 401),
        ({"level": "flatten", "token": "TOKEN"}, 400),
        ({"token": "TOKEN"}, 400),
    ],
)
def test_a_wrong_form_does_nothing(tmp_path: Path, fields: dict[str, str], status: int) -> None:
    """KC-1, UI-9: a page says why, nothing changes."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, aiohttp.ClientSession() as browser:
            sent = {name: value.replace("TOKEN", desk.token) for name, value in fields.items()}
            found, page, _response = await _submit(browser, desk, **sent)
            assert found == status
            assert 'role="alert"' in page
            assert desk.token not in page
            assert not desk.trader.is_gate_shut
            assert len(desk.trader.refused) == 1

    run(scenario)
