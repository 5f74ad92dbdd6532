# mypy: ignore-errors
"""Indicators of other libraries: NautilusTrader's Rust ones bar by bar, TA-Lib over whole arrays.

Usage: indicators.py BARS    prints one line of JSON, times in ns
"""

import gc
import json
import sys
import time
from random import Random

import numpy as np
import talib
from nautilus_trader.core import nautilus_pyo3

SEED = 20260220
ROUNDS = 9


def best_ns(work, operations):
    work()
    gc.collect()
    gc.disable()
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        work()
        taken.append(time.perf_counter_ns() - started)
    gc.enable()
    return min(taken) / operations


def columns(count):
    random = Random(SEED)
    last, rows = 400.0, []
    for number in range(count):
        close = round(last + (400.0 - last) * 0.002 + random.gauss(0.0, 0.12), 2)
        high, low = max(last, close) + 0.03, min(last, close) - 0.03
        rows.append((high, low, close, float(random.randint(100, 5000)), 60.0 * number))
        last = close
    return [list(column) for column in zip(*rows, strict=True)]


def five_calls(high, low, close, volume, at_s):
    ema = nautilus_pyo3.ExponentialMovingAverage(12).update_raw
    rsi = nautilus_pyo3.RelativeStrengthIndex(14).update_raw
    atr = nautilus_pyo3.AverageTrueRange(14).update_raw
    bands = nautilus_pyo3.BollingerBands(20, 2.0).update_raw
    vwap = nautilus_pyo3.VolumeWeightedAveragePrice().update_raw

    def work():
        for h, l, c, v, t in zip(high, low, close, volume, at_s, strict=True):  # noqa: E741
            ema(c)
            rsi(c)
            atr(h, l, c)
            bands(h, l, c)
            vwap(c, v, t)

    return work


def main():
    count = int(sys.argv[1])
    high, low, close, volume, at_s = columns(count)
    h, l, c = (np.array(column) for column in (high, low, close))  # noqa: E741
    arrays = {
        "ema": lambda: talib.EMA(c, 20),
        "atr": lambda: talib.ATR(h, l, c, 14),
        "deviation": lambda: talib.STDDEV(c, 20),
    }
    found = {
        "peer": "indicators",
        "nautilus_ns": best_ns(five_calls(high, low, close, volume, at_s), count),
        "talib_ns": {name: best_ns(work, count) for name, work in arrays.items()},
    }
    print(json.dumps(found))


main()
