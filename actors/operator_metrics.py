"""Prometheus metrics of the trader, read from its status when they are asked for."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.operator_words import TraderPort

_LEVELS: Final = ("NONE", "PAUSE", "FLATTEN", "EMERGENCY")
_NS: Final = 1e-9
_1E8: Final = 1e-8
_COUNTERS: Final = ("bars", "signals", "orders", "fills", "trades", "journal_events", "feed_gaps")


class _TraderMetrics(Collector):
    def __init__(self, trader: TraderPort, refused: Mapping[str, int]) -> None:
        self._trader = trader
        self._refused = refused

    def collect(self) -> Iterable[Metric]:
        yield from self._health()
        status = self._trader.status()
        yield from self._counts(status)
        yield from self._actors(status)
        yield from self._latency(status)
        refused = CounterMetricFamily(
            "holdfast_operator_refused",
            "Attempts turned away at the operator port",
            labels=["cause"],
        )
        for cause, count in self._refused.items():
            refused.add_metric([cause], count)
        yield refused

    def _health(self) -> Iterable[Metric]:
        health = self._trader.health()
        yield GaugeMetricFamily("holdfast_live", "1 while the lane turns", value=health["is_live"])
        yield GaugeMetricFamily("holdfast_ready", "1 while it may trade", value=health["is_ready"])
        level = GaugeMetricFamily("holdfast_kill_level", "1 at the latched level", labels=["level"])
        for name in _LEVELS:
            level.add_metric([name], float(health["kill_level"] == name))
        yield level
        yield GaugeMetricFamily(
            "holdfast_journal_lag_rows",
            "Requests staged and not yet durable",
            value=health["journal_lag_rows"],
        )
        age = GaugeMetricFamily(
            "holdfast_feed_age_seconds", "Age of a feed's newest item", labels=["feed"]
        )
        for feed in health["feeds"]:
            age.add_metric([feed["name"]], feed["age_ns"] * _NS)
        yield age
        stale = GaugeMetricFamily(
            "holdfast_feed_stale", "1 while a feed is silent for too long", labels=["feed"]
        )
        for feed in health["feeds"]:
            stale.add_metric([feed["name"]], float(feed["is_stale"]))
        yield stale
        complete = GaugeMetricFamily(
            "holdfast_feed_completeness_ratio",
            "Share of the session so far that is in no hole of the feed",
            labels=["feed"],
        )
        for feed in health["feeds"]:
            complete.add_metric([feed["name"]], feed["completeness_ratio"])
        yield complete

    def _counts(self, status: Mapping[str, Any]) -> Iterable[Metric]:
        counts: Mapping[str, int] = status.get("counts", {})
        for name in _COUNTERS:
            yield CounterMetricFamily(
                f"holdfast_{name}", f"{name} of this run", value=counts.get(name, 0)
            )
        for name in ("equity", "session_pnl_net"):
            yield GaugeMetricFamily(
                f"holdfast_{name}",
                f"{name} in the account's currency",
                value=(status.get(f"{name}_1e8") or 0) * _1E8,
            )
        yield GaugeMetricFamily(
            "holdfast_open_positions", "Open positions", value=len(status.get("positions", ()))
        )
        yield GaugeMetricFamily(
            "holdfast_working_orders", "Orders not terminal", value=len(status.get("orders", ()))
        )

    def _actors(self, status: Mapping[str, Any]) -> Iterable[Metric]:
        restarts = CounterMetricFamily(
            "holdfast_actor_restarts", "Restarts of an actor", labels=["actor"]
        )
        for actor in status.get("actors", ()):
            restarts.add_metric([actor["name"]], actor.get("restarts", 0))
        yield restarts

    def _latency(self, status: Mapping[str, Any]) -> Iterable[Metric]:
        latency = GaugeMetricFamily(
            "holdfast_latency_seconds", "Latency of a stage (EX-15)", labels=["stage", "quantile"]
        )
        for stage in status.get("latency", ()):
            for quantile in ("p50", "p90", "p95", "p99", "p99_9"):
                value_ns = stage.get(f"{quantile}_ns")
                if value_ns is not None:
                    share = quantile.removeprefix("p").replace("_", ".")
                    label = f"{float(share) / 100:g}"
                    latency.add_metric([stage["stage"], label], value_ns * _NS)
        yield latency


class Metrics:
    """The text that Prometheus reads, in a registry of its own."""

    def __init__(self, trader: TraderPort) -> None:
        """Collect from `trader` on each scrape."""
        self.refused: dict[str, int] = {}
        self._registry = CollectorRegistry()
        self._registry.register(_TraderMetrics(trader, self.refused))

    def count_refused(self, cause: str) -> None:
        """One more attempt turned away."""
        self.refused[cause] = self.refused.get(cause, 0) + 1

    def render(self) -> bytes:
        """All metrics as they are now."""
        return generate_latest(self._registry)
