# mypy: ignore-errors
"""What polymarket-client takes to prepare and sign an order whose market it knows."""

import asyncio
import dataclasses
import json
import sys
import time

import coincurve  # noqa: F401 - its fast backend is the one to be measured
from polymarket import AsyncSecureClient
from polymarket.environments import PRODUCTION, _create_environment

url, address, private_key, token_id, count = (*sys.argv[1:5], int(sys.argv[5]))


async def signed():
    config = dataclasses.replace(
        PRODUCTION._config,  # noqa: SLF001 - there is no public way to other addresses
        clob_url=url,
        gamma_url=f"{url}/gamma",
        data_url=f"{url}/data-api",
        relayer_url=url,
        rpc_url=url,
    )
    client = await AsyncSecureClient.create(
        private_key=private_key,
        wallet=address,
        environment=_create_environment(name="loopback", config=config),
    )
    taken = []
    for _ in range(count):
        start = time.perf_counter_ns()
        await client.create_limit_order(token_id=token_id, price="0.5", size="10", side="BUY")
        taken.append(time.perf_counter_ns() - start)
    await client.close()
    return taken


print(json.dumps({"peer": "polymarket-client", "taken_ns": asyncio.run(signed())}))
