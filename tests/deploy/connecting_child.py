"""An engine's side of the wire as another user: arguments are user, group, further group, folder.

Exits with 0 when a message was taken and the daemon's settings were heard.
"""

import os
import sys

import zmq

user, group, further = (int(argument) for argument in sys.argv[1:4])
folder, milliseconds = sys.argv[4], int(sys.argv[5])
context = zmq.Context()
samples, control = context.socket(zmq.PUSH), context.socket(zmq.SUB)
os.setgroups([further] if further else [])
os.setresgid(group, group, group)
os.setresuid(user, user, user)
samples.setsockopt(zmq.IMMEDIATE, 1)
samples.connect(f"ipc://{folder}/samples")
control.subscribe(b"")
control.connect(f"ipc://{folder}/control")
heard = bool(control.poll(milliseconds))
taken = bool(samples.poll(milliseconds, zmq.POLLOUT))
if taken:
    samples.send(b"sample")
context.destroy(linger=1000)
sys.exit(not (heard and taken))
