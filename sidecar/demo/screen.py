"""The live table of the demo; where there is no terminal, a plain line every few seconds."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from sidecar.demo.readings import Reading
from sidecar.demo.traffic import Tally
from sidecar.demo.world import ROUTES

_SIGNALS = {
    "context share": "context_share",
    "entropy ratio": "entropy_ratio",
    "head conc.": "head_concentration",
    "copy rate": "copy_rate",
}
_LINE_SECONDS = 5.0
UNMEASURED = "–"


@dataclass(frozen=True)
class View:
    """What is shown at one moment: the demo's own requests and the daemon's readings."""

    tally: Tally
    before: Reading
    """An earlier reading; rates are between the two."""
    now: Reading

    def tap_ms_per_second(self) -> float | None:
        """Milliseconds of the engine's thread the tap took per second since ``before``."""
        seconds = self.now.time - self.before.time
        spent = self.now.tap_seconds() - self.before.tap_seconds()
        return 1000 * spent / seconds if seconds > 0 else None

    def cost(self) -> str:
        """The tap's cost as text; a millisecond per second is a thousandth of a core."""
        spent = self.tap_ms_per_second()
        return UNMEASURED if spent is None else f"{spent:.1f} ms/s ({spent / 10:.2f} %)"

    def sampled(self) -> str:
        """Share of requests in force, as text; the tap lowers it when it costs too much."""
        rate = self.now.sampling_rate()
        return UNMEASURED if rate is None else f"{rate:.0%}"

    def rows(self) -> Iterable[tuple[str, ...]]:
        """One row of text per route, then one for all."""
        for route in ROUTES:
            yield self._row(route, {"route": route}, [route])
        yield self._row("all", {}, ROUTES)

    def _row(self, title: str, labels: dict[str, str], routes: Iterable[str]) -> tuple[str, ...]:
        requests = sum(self.tally.requests[route] for route in routes)
        right = sum(self.tally.right[route] for route in routes)
        means = (self.now.mean(signal, **labels) for signal in _SIGNALS.values())
        counts = (title, str(requests), _share(right, requests), str(self.now.samples(**labels)))
        return (*counts, *(UNMEASURED if mean is None else f"{mean:.3f}" for mean in means))


class Screen:
    """Shows views as they come; a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live = Live(console=self._console) if self._console.is_terminal else None
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, view: View) -> None:
        """Redraw the table, or print a line when the last one is 5 s old."""
        if self._live:
            self._live.update(table(view))
        elif time.monotonic() - self._last_line >= _LINE_SECONDS:
            self._last_line = time.monotonic()
            self._console.out(line(view), highlight=False)
            sys.stdout.flush()


def table(view: View) -> Table:
    """The view as a table with a row per route."""
    drawn = Table(title="attention of the placeholder model, by route", caption=_caption(view))
    for title in ("route", "requests", "answers right", "samples", *_SIGNALS):
        drawn.add_column(title, justify="left" if title == "route" else "right")
    *routes, total = view.rows()
    for row in routes:
        drawn.add_row(*row)
    drawn.add_section()
    drawn.add_row(*total, style="bold")
    return drawn


def line(view: View) -> str:
    """The view's last row in one line."""
    *_, (_, requests, right, samples, *means) = view.rows()
    signals = "  ".join(f"{name} {mean}" for name, mean in zip(_SIGNALS, means, strict=True))
    counts = f"requests {requests}  answers right {right}  samples {samples}"
    tap = f"tap {view.now.tap_state()} {view.cost()} sampling {view.sampled()}"
    return f"{counts}  {signals}  {tap}"


def _caption(view: View) -> str:
    failed = view.tally.failures.total()
    return (
        f"tap {view.now.tap_state()}, costs {view.cost()} of the engine's thread, "
        f"samples {view.sampled()} of requests · failed requests {failed}"
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else UNMEASURED
