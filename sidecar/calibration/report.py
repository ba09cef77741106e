"""A calibration as text: the chosen heads, and a map of all scores."""

from collections.abc import Iterator

from sidecar.calibration.artefact import Calibration, HeadScore
from sidecar.calibration.scores import THRESHOLD


def lines(calibration: Calibration) -> Iterator[str]:
    """For a terminal; a head takes two columns of the map."""
    revision = calibration.model_revision or "none given"
    yield f"{calibration.model_name}, revision {revision}, {calibration.created:%Y-%m-%d %H:%M} UTC"
    yield (
        f"{calibration.right} of {calibration.prompts} prompts answered right and measured, "
        f"{calibration.samples} samples"
    )
    yield ""
    yield "layer  head  score  interval"
    for head in calibration.chosen:
        interval = f"{head.low:.3f} to {head.high:.3f}"
        yield f"{head.layer:>5}  {head.head:>4}  {head.score:.3f}  {interval}"
    yield ""
    yield from _map(calibration)


def _map(calibration: Calibration) -> Iterator[str]:
    chosen = {head.place for head in calibration.chosen}
    yield f"score of each head in tenths (· below {THRESHOLD:g}, * chosen), a line for each layer"
    for number, layer in enumerate(calibration.layers):
        row = calibration.scores[number * calibration.heads :][: calibration.heads]
        cells = (_tenths(head) + ("*" if head.place in chosen else " ") for head in row)
        yield f"{layer:>5}  {''.join(cells)}".rstrip()


def _tenths(head: HeadScore) -> str:
    return "·" if head.score < THRESHOLD else str(min(9, int(head.score * 10)))
