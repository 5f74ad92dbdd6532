"""The certificate of the console's page (UI-9), refused at the start when it cannot be used."""

import ssl
from pathlib import Path

from trading.config_desk import ConsoleSection
from trading.errors import SetupError


def tls_context(section: ConsoleSection) -> ssl.SSLContext | None:
    """What the page is served with; None without a certificate.

    Raises:
        SetupError: A file is missing, the key is others' to read, or they do not belong together.
    """
    if section.tls_certificate is None or section.tls_key is None:
        return None
    certificate, key = Path(section.tls_certificate), Path(section.tls_key)
    for name, path in (("tls_certificate", certificate), ("tls_key", key)):
        if not path.expanduser().is_file():
            raise SetupError(f"console.{name}: expected a PEM file, found nothing at {path}")
    permissions = key.expanduser().stat().st_mode & 0o777
    if permissions & 0o077:
        raise SetupError(
            f"console.tls_key: expected a key that only its owner reads (0600), found "
            f"{permissions:04o}; run `chmod 600 {key}`"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate.expanduser(), key.expanduser())
    except (ssl.SSLError, OSError) as error:
        raise SetupError(
            f"console.tls_certificate: expected a PEM certificate that goes with {key}, "
            f"found one that does not load: {error}"
        ) from error
    return context
