"""Runs a served model over prompts with known answers, and gathers the samples of that run."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sidecar import archive
from sidecar.calibration.asking import RUN_TAG, Answers, Server, Tell, ask
from sidecar.calibration.daemon import Daemon, DaemonFailed, every_step
from sidecar.calibration.prompts import Prompt
from sidecar.calibration.scores import PROMPT_TAG, documents_found

PATIENCE = 5.0
"""Seconds without a further sample after which no more is expected."""
CLOCK_SKEW_MINUTES = 60

IDENTITY = ("model_name", "model_revision", "rank", "layers", "heads")
COLUMNS = [
    *IDENTITY,
    *("tags", "documents_found", "documents_declared"),
    *("segment_role", "segment_start", "segment_end", "argmax", "copied"),
]

REASONS = {
    "failed": "request failed",
    "wrong": "wrong answer",
    "unsampled": "no samples",
    "unfound": "documents not found in the prompt",
}
"""Why a prompt does not count."""


@dataclass(frozen=True)
class Collected:
    """The samples of a run, and what came of its prompts."""

    samples: pa.Table
    right: frozenset[str]
    """Prompts that were answered right, sampled, and had their documents found."""
    prompts: int
    lost: dict[str, int]
    """Number of the other prompts, by `REASONS`."""
    missing_steps: int
    """Output steps of which no sample came."""
    failure: str
    """One of the failed requests' reasons, or empty."""


def collect(
    server: Server, daemon: Daemon, folder: Path, prompts: Sequence[Prompt], tell: Tell
) -> Collected:
    """Ask, then read the archive in ``folder``.

    Raises AskingFailed, DaemonFailed, and what the daemon's client raises. An archive that cannot
    be read is found before anything is asked: a daemon makes the folder when it starts.
    """
    _open(folder)
    run, start = uuid.uuid4().hex, time.time()
    with every_step(daemon):
        answers = ask(server, prompts, run, tell)
        ids = _wait_for_samples(daemon, folder, run, start, answers.steps)
    tell(f"{len(ids)} samples of {answers.steps} steps")
    return _sorted_out(_read(folder, ids, start), answers, len(prompts))


def _wait_for_samples(
    daemon: Daemon, folder: Path, run: str, start: float, steps: int
) -> pa.ChunkedArray:
    """Record ids of the run, once all or no more come."""
    found, since = -1, time.monotonic()
    while True:
        daemon.flush_archive()
        ids = _record_ids(folder, run, start)
        if len(ids) > found:
            found, since = len(ids), time.monotonic()
        if found >= steps or time.monotonic() - since > PATIENCE:
            return ids
        time.sleep(1)


def _record_ids(folder: Path, run: str, start: float) -> pa.ChunkedArray:
    table = _open(folder).to_arrow(["record_id", "tags"], filter=_recent(start))
    mine = pc.equal(pc.map_lookup(table["tags"], RUN_TAG, "first"), run)
    return table.filter(mine)["record_id"]


def _read(folder: Path, ids: pa.ChunkedArray, start: float) -> pa.Table:
    """The run's samples, each once."""
    import pyarrow.dataset as ds

    mine = ds.field("record_id").isin(pc.unique(ids))
    return _open(folder).to_arrow(COLUMNS, filter=_recent(start) & mine)


def _open(folder: Path) -> archive.Archive:
    try:
        found = archive.open(folder)
        any(folder.iterdir())
    except OSError as error:
        raise DaemonFailed(
            f"{error}; --archive should name the daemon's archive, readable from here"
        ) from None
    return found


def _recent(start: float) -> "pc.Expression":
    import pyarrow.dataset as ds

    earliest = int((start - 60 * CLOCK_SKEW_MINUTES) * 1e6)
    return ds.field("time") >= pa.scalar(earliest, pa.timestamp("us", tz="UTC"))


def _sorted_out(samples: pa.Table, answers: Answers, prompts: int) -> Collected:
    number = np.array(pc.map_lookup(samples["tags"], PROMPT_TAG, "first").to_pylist(), dtype=str)
    sampled = set(number.tolist())
    unfound = set(number[~documents_found(samples)].tolist()) & answers.right
    unsampled = answers.right - sampled
    lost = {
        "failed": len(answers.failed),
        "wrong": len(answers.wrong),
        "unsampled": len(unsampled),
        "unfound": len(unfound),
    }
    return Collected(
        samples=samples,
        right=frozenset(answers.right - unsampled - unfound),
        prompts=prompts,
        lost={REASONS[reason]: count for reason, count in lost.items() if count},
        missing_steps=max(0, answers.steps - len(samples)),
        failure=next(iter(answers.failed.values()), ""),
    )
