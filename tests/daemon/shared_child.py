"""A tap as another user: becomes it, connects, sends one message, waits for one of the daemon's."""

import os
import sys

import zmq

user, folder, milliseconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
os.setgroups([])
os.setgid(user)
os.setuid(user)
context = zmq.Context()
samples, control = context.socket(zmq.PUSH), context.socket(zmq.SUB)
samples.setsockopt(zmq.IMMEDIATE, 1)
samples.connect(f"ipc://{folder}/samples")
control.setsockopt(zmq.SUBSCRIBE, b"")
control.connect(f"ipc://{folder}/control")
if samples.poll(milliseconds, zmq.POLLOUT):
    samples.send(b"hello")
sys.exit(0 if control.poll(milliseconds) else 1)
