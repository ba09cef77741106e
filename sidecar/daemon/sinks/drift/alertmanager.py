"""Pushes alerts to Alertmanagers, version 2 of their API, and renews them while they are open.

An Alertmanager takes an alert for over when nothing renews it, so one that this daemon forgets, or
that a dead daemon had, ends by itself.
"""

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from sidecar.daemon.sinks.drift.payload import payload
from sidecar.drift import Alert

log = logging.getLogger(__name__)

RENEW_SECONDS = 60.0
RESEND = timedelta(minutes=15)
"""How long it is tried to say that an alert is over; by then it has ended by itself."""
ATTEMPTS = 3
"""For each push and address; the next renewal tries again."""
TIMEOUT_SECONDS, PAUSE_SECONDS = 5.0, 1.0
MOST_ALERTS = 1000
"""Alerts that are renewed at a time; further ones are refused."""


class Alertmanager:
    """Tells each of several addresses; a target of alerts with a thread of its own."""

    name = "alertmanager"

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._alerts: dict[str, Alert] = {}
        self._over_at: dict[str, set[str]] = {}
        """Of alerts that are over: the addresses that know it."""
        self._errors = dict.fromkeys(addresses, "")
        self.pushes = Counter[tuple[str, str]]()
        for address in addresses:
            self.pushes.update({(address, "ok"): 0, (address, "failed"): 0})
        self._changed = threading.Condition()
        self._news = False
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="drift-alertmanager", daemon=True)

    def start(self, alerts: Iterable[Alert]) -> None:
        """Start the thread, with alerts that were open before a restart.

        It pushes at once, also none: an address that is wrong shows before there is an alert.
        """
        if not self._addresses:
            return
        for alert in alerts:
            self._alerts[alert.id] = alert
        self._news = True
        self._thread.start()

    def tell(self, alert: Alert) -> None:
        """Push it soon, and again every minute until it is over. Never waits."""
        with self._changed:
            if len(self._alerts) >= MOST_ALERTS and alert.id not in self._alerts:
                raise RuntimeError(f"{MOST_ALERTS} alerts are open already")
            self._alerts[alert.id] = alert
            self._news = True
            self._changed.notify()

    def give_up(self) -> None:
        """Renew no alert any more: they end by themselves."""
        with self._changed:
            self._alerts.clear()
            self._over_at.clear()

    def fault(self) -> str:
        """Which address took nothing at the last push."""
        return "; ".join(filter(None, self._errors.values()))

    def stop(self, deadline: float) -> None:
        """Push what is new until ``deadline`` (monotonic)."""
        with self._changed:
            self._deadline = deadline
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def collect(self) -> Iterator[Metric]:
        """Pushes by address and outcome."""
        family = CounterMetricFamily(
            "attention_sidecar_drift_pushes",
            "Pushes to an Alertmanager, by outcome after at most 3 attempts.",
            labels=["address", "outcome"],
        )
        for (address, outcome), count in list(self.pushes.items()):
            family.add_metric([urlsplit(address).netloc, outcome], count)
        yield family

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._news or self._deadline, RENEW_SECONDS)
                if self._deadline is not None and not self._news:
                    return
                news, self._news = self._news, False
                alerts = list(self._alerts.values())
            for address in self._addresses:
                if news or alerts or self._errors[address]:
                    self._push(address, alerts)
            self._forget(alerts)

    def _push(self, address: str, alerts: list[Alert]) -> None:
        now = datetime.now(UTC)
        left = [one for one in alerts if address not in self._over_at.get(one.id, ())]
        body = json.dumps([payload(alert, now) for alert in left]).encode()
        error = self._posted(f"{address.rstrip('/')}/api/v2/alerts", body)
        self._errors[address] = f"{address} does not take alerts: {error}" if error else ""
        self.pushes[address, "failed" if error else "ok"] += 1
        if error:
            log.warning("%s", self._errors[address])
            return
        for alert in left:
            if alert.state == "resolved":
                self._over_at.setdefault(alert.id, set()).add(address)

    def _posted(self, url: str, body: bytes) -> str:
        """Why it was not taken; empty when it was."""
        error = ""
        for attempt in range(ATTEMPTS):
            if attempt and not self._pause(PAUSE_SECONDS * 2**attempt):
                break
            request = urllib.request.Request(url, body, method="POST")  # noqa: S310
            request.add_header("content-type", "application/json")
            try:
                with urllib.request.urlopen(request, timeout=self._seconds()):  # noqa: S310
                    return ""
            except urllib.error.HTTPError as found:
                error = f"{found.code} {found.read(200).decode(errors='replace').strip()}"
                if found.code < 500:
                    break
            except (OSError, ValueError) as found:
                error = str(getattr(found, "reason", found))
        return error

    def _pause(self, seconds: float) -> bool:
        """Wait before a further attempt; False when it is time to stop."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._deadline, seconds)

    def _seconds(self) -> float:
        left = TIMEOUT_SECONDS if self._deadline is None else self._deadline - time.monotonic()
        return min(TIMEOUT_SECONDS, max(0.1, left))

    def _forget(self, alerts: list[Alert]) -> None:
        """Alerts that are over, once every address knows it or it is too late to say."""
        now = datetime.now(UTC)
        with self._changed:
            for alert in alerts:
                told = len(self._over_at.get(alert.id, ())) == len(self._addresses)
                late = alert.resolved is not None and now - alert.resolved > RESEND
                same = self._alerts.get(alert.id) is alert
                if alert.state == "resolved" and same and (told or late):
                    del self._alerts[alert.id]
                    self._over_at.pop(alert.id, None)
