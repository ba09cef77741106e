"""The runbooks of docs/runbooks as a dashboard, so that a link of an alert needs no other site."""

from pathlib import Path

from grafana_foundation_sdk.builders import text

from dashboards.layout import Row
from dashboards.shared import Definition

FOLDER = Path(__file__).parents[1] / "docs/runbooks"
UID = "attention-runbooks"


PANELS = (
    "AttentionArchiveStuck",
    "AttentionCollectorFailing",
    "AttentionContextUnmeasured",
    "AttentionDeliveryBudgetSpent",
    "AttentionDeliveryBurnsFast",
    "AttentionDeliveryBurnsSlowly",
    "AttentionDocumentsNotFound",
    "AttentionDriftAlertsLost",
    "AttentionDriftErrors",
    "AttentionDriftFailing",
    "AttentionDriftStateRefused",
    "AttentionDriftUnmeasured",
    "AttentionGroundingDrift",
    "AttentionKafkaAway",
    "AttentionLabelsOverflow",
    "AttentionMalformed",
    "AttentionNoSamples",
    "AttentionSamplingThrottled",
    "AttentionSidecarDown",
    "AttentionSinkDown",
    "AttentionTapBlind",
    "AttentionTapErrors",
    "AttentionTapLabelConflict",
    "AttentionTapLost",
    "AttentionTapTripped",
    "AttentionTelemetryDropped",
    "AttentionTrafficDrift",
    "AttentionUncalibrated",
    "AttentionFleetAway",
    "AttentionFleetBehind",
    "AttentionFleetCommitsFailing",
    "AttentionFleetRecordsExpired",
    "AttentionFleetUnwatched",
    "AttentionTapMissing",
)
"""Alerts in the order of their panels. Links name the place: a new one goes to the end, and one
that is given up leaves its place to a page that says so."""


class MissingRunbook(KeyError):
    """An alert has no page in docs/runbooks, or no place."""


def pages() -> dict[str, str]:
    """Text of each runbook by the name of its alert, in the order of their panels."""
    found = {file.stem: file.read_text() for file in FOLDER.glob("*.md")}
    for name in {*found} ^ {*PANELS}:
        raise MissingRunbook(f"{name}: should be in {FOLDER}, and at the end of runbooks.PANELS")
    return {name: found[name] for name in PANELS}


def place(name: str) -> int:
    """Number of the panel that holds an alert's runbook. Raises MissingRunbook."""
    if name not in PANELS:
        raise MissingRunbook(f"{name}: should be at the end of runbooks.PANELS")
    return PANELS.index(name) + 1


def definition() -> Definition:
    """A panel for each page."""
    return Definition(
        uid=UID,
        title="Attention: runbooks",
        description="What each alert means, how to find its cause, and what to do.",
        rows=[Row(height=14, panels=(_panel(name, page),)) for name, page in pages().items()],
    )


def _panel(name: str, page: str) -> text.Panel:
    """Words; they have no query."""
    return text.Panel().title(name).description(name).content(page)
