"""``python -m sidecar.demo``: the demo; ``DEMO_ONCE=1`` or ``--once`` ends by itself."""

import signal
import sys
from pathlib import Path

import click

from sidecar.demo import story
from sidecar.demo.processes import DemoError


@click.command()
@click.option("--once", is_flag=True, envvar="DEMO_ONCE", help="End after 30 s of traffic.")
@click.option(
    "--folder",
    default=Path("demo-run"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Logs and archive of this run; emptied first.",
)
def main(once: bool, folder: Path) -> None:
    """Serve a placeholder model with vLLM, ask it questions and watch its attention."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        story.run(folder, once=once)
    except DemoError as error:
        click.echo(f"demo failed: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("stopped before the demo was over")
        sys.exit(130)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
