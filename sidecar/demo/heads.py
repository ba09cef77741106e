"""Finds the grounded model's calibrated heads: ``python -m sidecar.demo.heads``.

What a user does for a model of their own, done for the bundled one: serve it, write prompts with
known answers, and run ``attention-sidecar heads calibrate``.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import click

from sidecar.demo import layout as layouts
from sidecar.demo import questions
from sidecar.demo.deployment import Deployment
from sidecar.demo.faults import HEALTHY
from sidecar.demo.layout import Layout
from sidecar.demo.processes import Child, DemoError, answers

_PROMPTS = 200


def calibrate(layout: Layout, prompts: Path, out: Path) -> None:
    """Serve the model and write its heads to ``out``. Raises DemoError."""
    log = layout.folder / "daemon.log"
    daemon = Child("the daemon", layout.daemon_command(), env=layout.settings(), log=log)
    with daemon, Deployment(layout) as deployment:
        daemon.wait_until(lambda: answers(f"{layout.daemon_url}/metrics"), seconds=60, what="start")
        deployment.deploy(HEALTHY)
        command = [
            *layouts.sidecar_command(),
            *("heads", "calibrate", "--url", layout.engine_url, "--model", layouts.SERVED_NAME),
            *("--prompts", str(prompts), "--out", str(out), "--daemon", layout.daemon_url),
        ]
        environment = {**os.environ, **layout.settings()}
        done = subprocess.run(command, env=environment, check=False)
    if done.returncode:
        raise DemoError(f"heads calibrate ended with code {done.returncode}; logs in {log.parent}")


@click.command()
@click.option(
    "--out",
    default=layouts.calibration_file(),
    show_default="beside the model",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.",
)
def main(out: Path) -> None:
    """Find the heads of the grounded model that copy from documents."""
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder, "prompts.jsonl")
        questions.write(prompts, _PROMPTS, seed="heads")
        try:
            with layouts.prepared(Path(folder, "run")) as layout:
                calibrate(layout, prompts, out)
        except DemoError as error:
            raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
