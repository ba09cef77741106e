"""Who speaks: the resource of an engine and the instrumentation scope."""

import socket
from functools import lru_cache

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import sidecar
from sidecar.config import Otel

NAME = "attention-sidecar"
SCOPE = InstrumentationScope(NAME, sidecar.__version__)
MAX_ENGINES = 256


class Origins:
    """A resource for each engine."""

    def __init__(self, settings: Otel) -> None:
        self._given = Resource(settings.resource)
        self.of = lru_cache(MAX_ENGINES)(self._made)

    def _made(self, engine: str) -> Resource:
        """`otel.resource` wins over ``OTEL_RESOURCE_ATTRIBUTES``, that over what is found here."""
        host = socket.gethostname()
        found = Resource(
            {
                "service.name": NAME,
                "service.version": sidecar.__version__,
                "service.instance.id": f"{host}/{engine}",
                "host.name": host,
            }
        )
        named = OTELResourceDetector().detect()
        return Resource.create().merge(found).merge(named).merge(self._given)
