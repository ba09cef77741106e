"""The demo's live table, before and after; without a terminal, a plain line every few seconds."""

import sys
import time
from dataclasses import dataclass
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sidecar.demo.chart import chart
from sidecar.demo.judge import Verdict
from sidecar.demo.phases import ACCURACY, FIGURES, TITLES, Phase
from sidecar.demo.readings import Window

_LINE_SECONDS = 5.0
_FOLLOWED = {
    Verdict.DOCUMENT: "answers from documents",
    Verdict.MEMORY: "answers from memory",
    Verdict.REFUSED: "refusals",
    Verdict.OTHER: "other answers",
}
UNMEASURED = "–"


@dataclass(frozen=True)
class View:
    """What is shown at one moment."""

    phases: tuple[Phase, ...]
    """The one before the rollout and, once it has begun, the one after."""
    recent: Window
    """The last seconds, for what the tap costs now."""

    @property
    def current(self) -> Phase:
        """The phase that goes on."""
        return self.phases[-1]

    def cost(self) -> str:
        """The tap's cost as text; a millisecond per second is a thousandth of a core."""
        spent = self.recent.tap_ms_per_second()
        return UNMEASURED if spent is None else f"{spent:.1f} ms/s ({spent / 10:.2f} %)"

    def sampled(self) -> str:
        """Share of requests in force, as text; the tap lowers it when it costs too much."""
        rate = self.recent.end.sampling_rate()
        return UNMEASURED if rate is None else f"{rate:.0%}"

    def rows(self) -> list[tuple[str, ...]]:
        """A title and a text for each phase: figures, what answers follow, lengths, counts."""
        return [
            *((TITLES[name], *(_figure(phase, name) for phase in self.phases)) for name in FIGURES),
            *(
                (title, *(_share(p, verdict) for p in self.phases))
                for verdict, title in _FOLLOWED.items()
            ),
            ("prompt tokens", *(_tokens(phase) for phase in self.phases)),
            ("requests", *(str(len(phase.tally.answers)) for phase in self.phases)),
            ("samples", *(str(phase.window.samples()) for phase in self.phases)),
        ]


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

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, view: View) -> None:
        """Redraw the table, or print a line when the last one is 5 s old."""
        if self._live:
            self._live.update(draw(view))
        elif time.monotonic() - self._last_line >= _LINE_SECONDS:
            self._last_line = time.monotonic()
            self._console.out(line(view), highlight=False)
            sys.stdout.flush()

    def finish(self, view: View) -> None:
        """Show the table a last time, also where there is no terminal."""
        if self._live:
            self._live.update(draw(view))
        else:
            self._console.print(draw(view))


def draw(view: View) -> RenderableType:
    """The view as a table with a column for each phase, and the figures over time."""
    drawn = Table()
    drawn.add_column("measured")
    for phase in view.phases:
        drawn.add_column(phase.title, justify="right")
    for number, row in enumerate(view.rows()):
        drawn.add_row(*row, style="bold" if number < len(FIGURES) else None)
    charts = (Text(f"{TITLES[name]:16} {_chart(view, name)}", no_wrap=True) for name in FIGURES)
    return Group(drawn, *charts, Text(_caption(view)))


def line(view: View) -> str:
    """The current phase in one line."""
    phase = view.current
    figures = "  ".join(f"{TITLES[name]} {_figure(phase, name)}" for name in FIGURES)
    counts = f"requests {len(phase.tally.answers)}  samples {phase.window.samples()}"
    tap = f"tap {view.recent.end.tap_state()} {view.cost()} sampling {view.sampled()}"
    return f"{phase.title}: {figures}  {counts}  {tap}"


def _caption(view: View) -> str:
    return (
        f"tap {view.recent.end.tap_state()}, costs {view.cost()}, "
        f"samples {view.sampled()} of requests; failed requests {len(view.current.tally.failures)}"
    )


def _chart(view: View, name: str) -> str:
    return chart(*(phase.series(name) for phase in view.phases))


def _figure(phase: Phase, name: str) -> str:
    mean = phase.mean(name)
    if mean is None:
        return UNMEASURED
    return f"{mean:.0%}" if name == ACCURACY else f"{mean:.3f}"


def _share(phase: Phase, verdict: Verdict) -> str:
    verdicts = phase.tally.verdicts()
    return f"{verdicts[verdict] / verdicts.total():.0%}" if verdicts else UNMEASURED


def _tokens(phase: Phase) -> str:
    tokens = phase.tally.prompt_tokens()
    return UNMEASURED if tokens is None else f"{tokens:.0f}"
