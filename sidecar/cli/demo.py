"""Tell the demo's story."""

from pathlib import Path

import click

_ROLLED_OUT = (
    "closed-book",
    "retriever",
    "template",
    "stale",
    "longer-documents",
    "more-documents",
    "topic-mix",
    "no-prefix-cache",
)


@click.command()
@click.option(
    "--fault",
    type=click.Choice(_ROLLED_OUT),
    envvar="DEMO_FAULT",
    default="closed-book",
    show_default=True,
    help="What is rolled out; the last four are benign.",
)
@click.option("--once", is_flag=True, envvar="DEMO_ONCE", help="End when the story is told.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=5),
    default=50.0,
    show_default=True,
    help="Traffic before the fault, and again after it.",
)
@click.option(
    "--folder",
    default=Path("demo-run"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Logs and archive; those of an earlier run are replaced.",
)
def demo(fault: str, once: bool, seconds: float, folder: Path) -> None:
    """Serve a small model with vLLM, roll out a fault and watch answers and attention."""
    from sidecar.demo.story import tell

    raise SystemExit(tell(folder, fault=fault, seconds=seconds, once=once))
