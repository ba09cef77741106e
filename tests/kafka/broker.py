"""A real Kafka broker on loopback: one KRaft node in a process, without a container."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    NewTopic,
    ResourcePattern,
    ResourceType,
)

from sidecar.demo.processes import free_port
from tests.kafka import security

JARS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "attention-sidecar")
CLASS_PATH = JARS / "kafka-4.3.0"
"""Where `deploy/setup.sh` puts the broker's jars."""
START_SECONDS = 180.0
_CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"


class Broker:
    """A broker that can be started, stopped, killed and paused; its topics outlive all that."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._secured_port, self._controller = (free_port() for _ in range(3))
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = security.issue(folder)
        """Certificate to trust at `secured_address`."""
        (folder / "server.properties").write_text(self._properties())
        self._java("kafka.tools.StorageTool", "format", "-t", _CLUSTER, *security.scram(), "-c")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def secured_address(self) -> str:
        """The same broker by TLS, for `security.USER` only."""
        return f"127.0.0.1:{self._secured_port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command("kafka.Kafka"), "server.properties"],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        limit = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "broker.log").read_text()[-3000:]
            assert time.monotonic() < limit, "the broker did not start in time"
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, as a crash does; one that has ended stays so."""
        assert self._process
        self._process.kill()
        self._process.wait(20)

    def pause(self) -> None:
        """Let it accept connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    @contextmanager
    def slow(self, bytes_per_second: int) -> Iterator[None]:
        """For the length of a block it takes no more than that of a client."""
        self._quota("--add-config", f"producer_byte_rate={bytes_per_second}")
        try:
            yield
        finally:
            self._quota("--delete-config", "producer_byte_rate")

    def restore(self) -> None:
        """Let it run again, whatever was done to it."""
        assert self._process
        if self._process.poll() is None:
            self.resume()
        else:
            self.start()

    def create(self, topic: str, partitions: int = 4, **configs: str) -> None:
        """Make a topic; ``configs`` have underscores for dots."""
        settings = {name.replace("_", "."): value for name, value in configs.items()}
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=settings)])
        finally:
            admin.close()

    def forbid_reading(self, topic: str) -> None:
        """Let `security.USER` see a topic and read nothing of it."""
        for operation, permission in (
            (ACLOperation.DESCRIBE, ACLPermissionType.ALLOW),
            (ACLOperation.READ, ACLPermissionType.DENY),
        ):
            self._rule(topic, operation, permission)

    def console_consumer(self, topic: str, messages: int) -> list[bytes]:
        """What Kafka's own console consumer prints: a line for each of so many messages."""
        command = self._command("org.apache.kafka.tools.consumer.ConsoleConsumer")
        options = ["--bootstrap-server", self.address, "--topic", topic, "--from-beginning"]
        options += ["--max-messages", str(messages), "--timeout-ms", "60000"]
        found = subprocess.run([*command, *options], check=True, capture_output=True)
        return found.stdout.splitlines()

    def stored(self) -> Iterator[Path]:
        """Files that hold what the broker was sent."""
        return (self._folder / "logs").rglob("*.log")

    def _rule(self, topic: str, operation: ACLOperation, permission: ACLPermissionType) -> None:
        pattern = ResourcePattern(ResourceType.TOPIC, topic)
        rule = ACL(f"User:{security.USER}", "*", operation, permission, pattern)
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            admin.create_acls([rule])
        finally:
            admin.close()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), 1).close()
        except OSError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        os.kill(self._process.pid, number)

    def _quota(self, change: str, config: str) -> None:
        whom = ["--entity-type", "clients", "--entity-default"]
        options = ["--bootstrap-server", self.address, "--alter", change, config, *whom]
        command = [*self._command("kafka.admin.ConfigCommand"), *options]
        subprocess.run(command, check=True, capture_output=True)

    def _java(self, main: str, *arguments: str) -> None:
        command = [*self._command(main), *arguments, "server.properties"]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)

    def _command(self, main: str) -> list[str]:
        memory = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *memory, "-cp", f"{CLASS_PATH}/*", main]

    def _properties(self) -> str:
        listeners = {
            "PLAINTEXT": self.address,
            "SASL_SSL": self.secured_address,
            "CONTROLLER": f"127.0.0.1:{self._controller}",
        }
        protocols = "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT"
        return "\n".join(
            [
                "process.roles=broker,controller",
                "node.id=1",
                f"controller.quorum.voters=1@127.0.0.1:{self._controller}",
                f"listeners={','.join(f'{name}://{place}' for name, place in listeners.items())}",
                f"listener.security.protocol.map={protocols}",
                *security.properties(self._folder),
                "controller.listener.names=CONTROLLER",
                "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "allow.everyone.if.no.acl.found=true",
                "super.users=User:ANONYMOUS",
                f"log.dirs={self._folder / 'logs'}",
                "auto.create.topics.enable=true",
                "offsets.topic.replication.factor=1",
                "offsets.topic.num.partitions=4",
                "transaction.state.log.replication.factor=1",
                "transaction.state.log.min.isr=1",
                "group.initial.rebalance.delay.ms=0",
                "group.min.session.timeout.ms=1000",
            ]
        )


@contextmanager
def running(folder: Path) -> Iterator[Broker]:
    """A broker for the length of a block."""
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def lacking() -> str:
    """What keeps a broker from running here; empty when nothing does."""
    if shutil.which("java") is None:
        return "java is not installed"
    if not list(CLASS_PATH.glob("kafka_*.jar")):
        return f"no broker in {CLASS_PATH}; `make setup` fetches it where Java and Maven are"
    return ""
