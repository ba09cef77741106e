"""A replay as one HTML file, alone or beside another version; it loads nothing."""

from collections.abc import Iterator, Sequence
from html import escape

from sidecar.drift.alert import Alert, sentence
from sidecar.drift.baseline import Baseline
from sidecar.drift.replay import plots
from sidecar.drift.replay.history import Course, Replay
from sidecar.drift.replay.told import group
from sidecar.drift.requests import Stream

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2530; max-width: 72rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; border-top: 1px solid #dde3ea;
  padding-top: 1.1rem; }
h3 { font-size: .95rem; margin: 0 0 .3rem; }
.muted { color: #5b6775; }
code { font-size: .92em; overflow-wrap: anywhere; }
.versions { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr));
  gap: 1rem 2rem; }
.versions > div { min-width: 0; }
.verdict { padding: .5rem .8rem; margin: .4rem 0; border-left: 4px solid #2e7d4f;
  background: #eef6f0; }
.verdict.alarm { border-color: #c0392b; background: #fbeeec; }
.verdict.unknown { border-color: #8a8f98; background: #f1f2f4; }
.alert { border-left: 4px solid #c0392b; padding: .1rem .8rem; margin: .8rem 0; }
.alert p { margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e6ebf0; }
th { font-weight: 600; color: #5b6775; }
td.number, th.number { text-align: right; }
.shape { max-width: 36rem; margin-top: .8rem; }
svg { width: 100%; max-width: 44rem; height: auto; }
"""


def page(baseline: Baseline, versions: Sequence[Replay]) -> str:
    """The whole document, for one version or two."""
    body = "".join([*_head(baseline, versions), *_alerts(versions), *_streams(versions)])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Drift replay</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def verdict(one: Replay) -> tuple[str, str]:
    """A class for its colour, and what to say; unmeasured is never fine."""
    if one.fired:
        count = len(one.fired)
        return "alarm", f"{count} alert{'s' if count > 1 else ''}"
    if not one.measured:
        return "unknown", "nothing was measured, so that no alert says nothing"
    blind = [s for s, condition in one.conditions.items() if condition.health == "unmeasured"]
    if blind:
        return "unknown", f"no alert, but {len(blind)} of {len(one.conditions)} streams unmeasured"
    return "fine", "no alert"


def _head(baseline: Baseline, versions: Sequence[Replay]) -> Iterator[str]:
    yield (
        "<h1>Drift replay</h1><p class='muted'>Against the baseline of "
        f"{baseline.created:%Y-%m-%d %H:%M} UTC, made where <code>{escape(baseline.where)}</code>"
        f", margin {baseline.margin:g}. Attention shows where a model looked; it does not say why."
        "</p><div class='versions'>"
    )
    for one in versions:
        kind, text = verdict(one)
        measured = sum(course.measured for course in one.courses.values())
        yield (
            f"<div><h3><code>{escape(one.where)}</code></h3>"
            f"<p class='verdict {kind}'>{escape(text)}</p>"
            f"<p class='muted'>{measured:,} requests measured{_dropped(one)}</p></div>"
        )
    yield "</div>"


def _dropped(one: Replay) -> str:
    parts = (
        f"; {count:,} not watched: {why.replace('_', ' ')}" for why, count in one.dropped.items()
    )
    return escape("".join(parts))


def _alerts(versions: Sequence[Replay]) -> Iterator[str]:
    if not any(one.fired for one in versions):
        return
    yield "<h2>Alerts</h2><div class='versions'>"
    for one in versions:
        told = [_alert(alert, one.told) for alert in one.fired] or ["<p class='muted'>none</p>"]
        yield f"<div><h3><code>{escape(one.where)}</code></h3>{''.join(told)}</div>"
    yield "</div>"


def _alert(alert: Alert, every: Sequence[Alert]) -> str:
    moved = ", ".join(f"{one.signal} {one.deviations:+.1f} sd" for one in alert.moved)
    still = ", ".join(alert.still)
    over = next((a.resolved for a in every if a.id == alert.id and a.resolved), None)
    ended = f"over {over:%Y-%m-%d %H:%M} UTC" if over else "still open at the end"
    groups = ", ".join(map(group, alert.details))
    raised = f"raised {alert.raised:%Y-%m-%d %H:%M:%S} UTC, {ended}"
    budget = f"budget: one false alarm in {alert.run_length:,.0f} requests"
    rows = [
        f"<p><strong>{escape(sentence(alert))}</strong></p>",
        f"<p class='muted'>{raised}; {budget}</p>",
        f"<p>moved: {escape(moved)}</p>" if moved else "",
        f"<p>did not: {escape(still)}</p>" if still else "",
        f"<p>most in: {escape(groups)}</p>" if groups else "",
    ]
    return f"<div class='alert'>{''.join(rows)}</div>"


def _streams(versions: Sequence[Replay]) -> Iterator[str]:
    names = sorted({stream for one in versions for stream in one.conditions})
    for stream in names:
        yield f"<h2>{escape(str(stream))}</h2>"
        courses = [one.courses.get(stream) for one in versions]
        seen = [one for one in courses if one and one.measured]
        limits = plots.range_of(seen)
        yield "<div class='versions'>"
        for one, course in zip(versions, courses, strict=True):
            yield f"<div>{_panel(stream, one, course, limits)}</div>"
        yield "</div>"
        if seen:
            yield _table(versions, courses)
        if len(seen) > 1:
            named = [(one.where, c) for one, c in zip(versions, courses, strict=True) if c]
            drawn = plots.distributions(named, (-5.0, 5.0))
            yield f"<div class='shape'><h3>All requests</h3>{drawn}</div>"


def _panel(stream: Stream, one: Replay, course: Course | None, limits: tuple[float, float]) -> str:
    condition = one.conditions.get(stream)
    if condition is None:
        return "<p class='muted'>no such stream</p>"
    reason = f": {condition.reason}" if condition.reason else ""
    title = f"<h3><code>{escape(one.where)}</code></h3><p>{escape(condition.health + reason)}</p>"
    if not course or not course.measured:
        return title
    own = [alert for alert in one.alerts if (alert.model_name, alert.route) == stream]
    ended = {a.id: a for a in own}
    signals = " and ".join(course.paging)
    return (
        f"{title}{plots.course(course, list(ended.values()), limits)}"
        f"<p class='muted'>{escape(signals)}; grey: the baseline's margin; red: an alert, shaded "
        "from its estimated change point</p>"
    )


def _table(versions: Sequence[Replay], courses: Sequence[Course | None]) -> str:
    """Mean deviation of every signal in each version."""
    signals = list(dict.fromkeys(name for one in courses if one for name in one.deviations))
    head = "".join(f"<th class='number'><code>{escape(one.where)}</code></th>" for one in versions)
    rows = (
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td class='number'>{_mean(one, name)}</td>" for one in courses)
        + "</tr>"
        for name in signals
    )
    title = "<th>mean deviation from the baseline (sd)</th>"
    return f"<table><tr>{title}{head}</tr>{''.join(rows)}</table>"


def _mean(one: Course | None, name: str) -> str:
    values = plots.known(one.deviations.get(name)) if one else plots.known(None)
    if not len(values):
        return "not measured"
    error = 2 * values.std() / max(len(values), 1) ** 0.5
    return f"{values.mean():+.3f} ± {error:.3f}"
