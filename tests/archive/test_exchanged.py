"""What compaction leaves for those who keep copies of the files elsewhere."""

import os
import time
from pathlib import Path

from sidecar.archive.exchanged import KEPT_DAYS
from tests.archive.many_files import EIGHT, NINE, compact, parquet, write
from tests.archive.samples import ids

DAY = 86400


def notes(folder: Path) -> list[Path]:
    return sorted((folder / "_journal/.exchanged").iterdir())


def test_a_note_names_what_came_and_what_went(many: Path) -> None:
    def relative(hour: str) -> list[str]:
        return [str(file.relative_to(many)) for file in parquet(many, hour)]

    went = {hour: relative(hour) for hour in (EIGHT, NINE)}
    compact(many)
    assert len(notes(many)) == 2
    for note, hour in zip(notes(many), (EIGHT, NINE), strict=True):
        lines = [f"+{file}" for file in relative(hour)] + [f"-{file}" for file in went[hour]]
        assert sorted(note.read_text().splitlines()) == sorted(lines)


def test_a_later_exchange_of_the_hour_has_a_note_of_its_own(many: Path) -> None:
    compact(many)
    before = notes(many)
    write(many, ids(1, "late"))
    compact(many)
    assert set(before) < set(notes(many))
    assert len(notes(many)) == 3


def test_a_note_is_kept_for_some_weeks(many: Path) -> None:
    compact(many)
    first, second = notes(many)
    for note, days in ((first, KEPT_DAYS + 1), (second, KEPT_DAYS - 1)):
        then = time.time() - days * DAY
        os.utime(note, (then, then))
    compact(many)
    assert notes(many) == [second]
