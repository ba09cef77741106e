"""Runs a command of ours as another user, who need not be able to read this Python."""

import os
import sys

# What the daemon and uvicorn import only when they start, while the files can still be read.
import uvicorn.lifespan.off
import uvicorn.loops.auto
import uvicorn.protocols.http.auto  # noqa: F401

import sidecar.daemon.service  # noqa: F401
from sidecar import cli

user = int(sys.argv[1])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
cli.main(sys.argv[2:])
