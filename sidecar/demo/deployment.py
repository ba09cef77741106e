"""The demo's engine: one vLLM at a time, replaced as a deployment replaces it."""

from contextlib import ExitStack
from typing import Self

import click

from sidecar.demo.faults import Change
from sidecar.demo.layout import Layout, revision
from sidecar.demo.processes import Child, answers

_START_SECONDS = 480.0


class Deployment:
    """Serves what was deployed last; a context manager that ends with its engine."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._stack = ExitStack()
        self._engines: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def engine(self) -> Child:
        """The vLLM that serves."""
        return self._engines[-1]

    def deploy(self, change: Change) -> None:
        """Start the engine that a change takes, in place of the one that serves.

        Raises DemoError with the end of its log when it dies or takes too long.
        """
        self._stack.close()
        log = self._layout.folder / f"vllm-{len(self._engines) + 1}.log"
        command = self._layout.engine_command(change.model, change.flags)
        environment = self._layout.engine_environment()
        engine = self._stack.enter_context(Child("vLLM", command, env=environment, log=log))
        self._engines.append(engine)
        flags = " ".join(("", *change.flags))
        click.echo(f"starting vLLM with {revision(change.model)}{flags}, about 40 s (log {log})")
        ready = f"{self._layout.engine_url}/health"
        seconds = engine.wait_until(
            lambda: answers(ready), seconds=_START_SECONDS, what="the start"
        )
        click.echo(f"vLLM is up after {seconds:.0f} s")
