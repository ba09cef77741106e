"""Finds the messages that the broker refuses, so that those sent beside them arrive."""

import time
from collections.abc import Callable

from sidecar.daemon.sinks.kafka.client import Client, Refused
from sidecar.daemon.sinks.kafka.messages import Messages

_POLL_SECONDS = 0.005


def refused(messages: Messages, connect: Callable[[], Client]) -> int:
    """Deliver all that the broker takes, half by half; how many messages it refuses. Raises Away.

    A client that was refused anything is of no further use.
    """
    client = connect()
    try:
        delivery = client.send(messages)
        while not delivery.done():
            time.sleep(_POLL_SECONDS)
    except Refused:
        if len(messages.values) == 1:
            return 1
    else:
        return 0
    finally:
        client.close()
    return sum(refused(half, connect) for half in messages.halves())
