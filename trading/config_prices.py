"""[[input.spot_feeds]]: exchanges whose prices are looked at beside a reference (MD-10)."""

from typing import Annotated
from urllib.parse import urlsplit

import orjson

from trading.config_fields import Section, above, doc, name


class SpotFeed(Section, frozen=True, kw_only=True):
    """[[input.spot_feeds]]: a market of an exchange that tells JSON over a websocket."""

    name: Annotated[str, name("the exchange, as it is shown")]
    asset: Annotated[str, doc("what it is the price of, as windows name it: btc/usd")]
    url: Annotated[str, doc("wss://..., or ws:// on this machine")]
    subscribe: Annotated[str, doc("what is sent first, a JSON object; empty: nothing")] = ""
    price: Annotated[str, doc("where the price stands in a message: price, or data.0.price")]
    time: Annotated[str, doc("where its time stands: a number since 1970, or RFC 3339")]
    silence_max_s: Annotated[int, above(0, "it is connected anew after so much silence")] = 30

    def __post_init__(self) -> None:
        """An address, and JSON, and no word of a key.

        Raises:
            ValueError: As of every section.
        """
        super().__post_init__()
        parts = urlsplit(self.url)
        is_here = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "wss" and not (parts.scheme == "ws" and is_here):
            raise ValueError("url: expected wss://..., or ws:// on this machine")
        if parts.username or parts.password:
            raise ValueError("url: expected no credentials in it: prices are public")
        if self.subscribe:
            try:
                asked = orjson.loads(self.subscribe)
            except orjson.JSONDecodeError:
                asked = None
            if not isinstance(asked, dict):
                raise ValueError("subscribe: expected a JSON object, or nothing")
        for key, path in (("price", self.price), ("time", self.time)):
            if not all(path.split(".")):
                raise ValueError(f"{key}: expected names with dots between them, found {path!r}")
