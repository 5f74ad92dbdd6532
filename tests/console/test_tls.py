"""The console's page over TLS, and what is said of a certificate that cannot be used."""

import asyncio
import json
import re
import ssl
import subprocess
from pathlib import Path
from shutil import which

import aiohttp
import pytest

from console.console_address import ConsoleAddress
from console.serve import ConsoleSettings, running_console
from console.tls import tls_context
from tests.console.operator_client import run
from trading.config_desk import ConsoleSection
from trading.errors import SetupError

NOW_NS = 1_800_000_000_000_000_000


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> ConsoleSection:
    """A certificate of this machine's own, made for this test."""
    if which("openssl") is None:
        pytest.skip("no openssl to make a certificate with: apt install openssl")
    return _made(tmp_path_factory.mktemp("tls"))


def _made(folder: Path) -> ConsoleSection:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=holdfast test", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
        timeout=30,
    )  # fmt: skip
    key.chmod(0o600)
    return ConsoleSection(tls_certificate=str(certificate), tls_key=str(key))


def test_the_page_is_https_and_its_cookie_is_marked_secure(
    tmp_path: Path, pair: ConsoleSection
) -> None:
    """UI-9: with a certificate nothing is answered in plain text, and a link is made over TLS."""
    settings = ConsoleSettings(
        data_dir=tmp_path, port=0, tls=tls_context(pair), certificate=pair.tls_certificate or ""
    )

    async def scenario() -> None:
        async with running_console(
            settings, wall_ns=lambda: NOW_NS, monotonic_ns=lambda: 0
        ) as served:
            assert served.url.startswith("https://127.0.0.1:")
            trusted = ssl.create_default_context(cafile=pair.tls_certificate)
            connector = aiohttp.TCPConnector(ssl=trusted)
            async with aiohttp.ClientSession(connector=connector) as http:
                body = {"code": served.link.partition("#code=")[2]}
                url, headers = f"{served.url}/api/session", {"Origin": served.url}
                async with http.post(url, data=json.dumps(body), headers=headers) as response:
                    assert response.status == 200
                    cookie = response.headers["Set-Cookie"]
                assert "Secure" in cookie
                with pytest.raises(aiohttp.ClientError):
                    await http.get(served.url.replace("https", "http"))

    run(scenario)


def test_a_link_is_asked_of_that_very_certificate_only(
    tmp_path: Path, pair: ConsoleSection
) -> None:
    """UI-9: the token is not sent to whoever else listens on the port."""
    settings = ConsoleSettings(
        data_dir=tmp_path, port=0, tls=tls_context(pair), certificate=pair.tls_certificate or ""
    )
    (tmp_path / "other").mkdir()
    other = _made(tmp_path / "other")

    async def scenario() -> None:
        async with running_console(settings, wall_ns=lambda: NOW_NS, monotonic_ns=lambda: 0):
            found = ConsoleAddress.read(tmp_path)
            assert found is not None
            token = (tmp_path / "operator.token").read_text().strip()
            link = await asyncio.to_thread(found.new_link, token)
            assert link is not None
            assert re.match(r"https://127\.0\.0\.1:\d+/#code=", link)
            wrong = ConsoleAddress(found.host, found.port, found.pid, other.tls_certificate or "")
            assert await asyncio.to_thread(wrong.new_link, token) is None

    run(scenario)


def test_a_certificate_that_cannot_be_used_is_refused_at_the_start(
    tmp_path: Path, pair: ConsoleSection
) -> None:
    """UI-9: a missing file, a key that others read, a pair that does not belong together."""
    certificate, key = pair.tls_certificate, pair.tls_key
    with pytest.raises(SetupError, match="tls_key: expected a PEM file, found nothing"):
        tls_context(ConsoleSection(tls_certificate=certificate, tls_key=str(tmp_path / "none")))
    other = _made(tmp_path)
    with pytest.raises(SetupError, match="expected a PEM certificate that goes with"):
        tls_context(ConsoleSection(tls_certificate=certificate, tls_key=other.tls_key))
    Path(other.tls_key or "").chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        tls_context(other)
    with pytest.raises(ValueError, match="tls_certificate: expected a file"):
        ConsoleSection(tls_key=key)
    assert tls_context(ConsoleSection()) is None
