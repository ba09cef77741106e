"""How many samples a second one core sends to Kafka, and how large they are there.

The sink has one core, the broker (a real one, started here) the other. Samples are 4 layers × 32
heads × 8 segments; what is sent of each are identity, lengths and signals, without per-head arrays.
A round ends when the broker has acknowledged every record.
"""

import gc
import os
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from kafka import KafkaProducer

from benchmarks.report import Figure, Report, parser
from sidecar import config, signals
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sinks.kafka import KafkaSink, encode
from sidecar.daemon.sinks.kafka.client import Delivery, connector
from sidecar.daemon.sinks.kafka.messages import Messages, pack, unpack
from sidecar.daemon.sinks.kafka.spill import Spill
from tests.daemon.synthetic import Tap
from tests.kafka.broker import Broker, running

ROWS, BATCHES, ROUNDS = 512, 60, 5
RECORDS = ROWS * BATCHES
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
IN_FLIGHT = 8
"""Batches that a client alone has unacknowledged; some 5 MB, as the sink bounds its own."""
GOAL = 20_000.0
Form = Literal["json", "avro"]
Client = Literal["kafka-python", "librdkafka"]


def batches() -> list[pa.RecordBatch]:
    """Distinct samples of requests with a trace, several samples of each request."""
    tap = Tap()
    found = []
    for _ in range(4):
        record = signals.compute(tap.batch(ROWS))
        traced = pa.array([TRACE] * ROWS)
        place = record.schema.get_field_index("traceparent")
        found.append(record.set_column(place, record.schema.field(place), traced))
    return found


def whole_sink(
    broker: Broker, folder: Path, found: list[pa.RecordBatch], client: Client, form: Form
) -> dict[str, float]:
    """Batches in, encoded, spilled, sent, acknowledged."""
    topic = f"{client}-{form}-{time.time_ns()}"
    broker.create(topic, 6)
    settings = config.Kafka(
        bootstrap_servers=[broker.address],
        client=client,
        format=form,
        samples_topic=topic,
        spill_path=folder,
    )
    sink = KafkaSink(settings, OwnMetrics())
    sink.start()
    stream = sink._streams[topic]
    sink.write(found[0])
    _wait(lambda: stream.delivered == ROWS)
    begin, cpu = time.perf_counter(), time.process_time()
    for number in range(BATCHES):
        sink.write(found[number % len(found)])
    _wait(lambda: stream.delivered == RECORDS + ROWS)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    sink.stop(time.monotonic() + 10)
    return {"wall": RECORDS / wall, "cpu": RECORDS / cpu, "stored": stored(broker, topic)}


def producer_alone(broker: Broker, client: Client, messages: Messages) -> float:
    """Records a second through the client behind our interface; what is sent is ready."""
    topic = f"alone-{client}-{time.time_ns()}"
    broker.create(topic, 6)
    settings = config.Kafka(bootstrap_servers=[broker.address], client=client)
    connected = connector(settings)(settings, topic)
    _wait(connected.send(messages).done)
    begin = time.perf_counter()
    waiting = deque[Delivery]()
    for _ in range(BATCHES):
        waiting.append(connected.send(messages))
        if len(waiting) > IN_FLIGHT:
            _wait(waiting.popleft().done)
    _wait(lambda: all(delivery.done() for delivery in waiting))
    wall = time.perf_counter() - begin
    connected.close()
    return RECORDS / wall


def stock_producer(broker: Broker, messages: Messages) -> float:
    """The same by kafka-python as it comes: its own partitioner and settings of that size."""
    topic = f"stock-{time.time_ns()}"
    broker.create(topic, 6)
    producer = KafkaProducer(
        bootstrap_servers=broker.address, compression_type="zstd", batch_size=1 << 17, linger_ms=20
    )
    records = list(zip(messages.values, messages.keys, messages.headers(), strict=True))
    producer.send(topic, *records[0]).get(10)
    begin = time.perf_counter()
    for _ in range(BATCHES):
        for value, key, headers in records:
            producer.send(topic, value, key, headers)
    producer.flush()
    wall = time.perf_counter() - begin
    producer.close()
    return RECORDS / wall


def stored(broker: Broker, topic: str) -> float:
    """Bytes of a record in the broker's log, compressed and with its share of the batch."""
    files = [file for file in broker.stored() if file.parent.name.startswith(topic)]
    return sum(file.stat().st_size for file in files) / (RECORDS + ROWS)


def through_spill(folder: Path, messages: Messages) -> None:
    """Everything that the queue on disk adds."""
    spill = Spill(folder, 1 << 30, lambda _samples, _reason: None)
    for _ in range(BATCHES):
        spill.append(pack(messages), messages.samples)
        entry = spill.next()
        assert entry
        unpack(entry.frame.payload)
        spill.acknowledge()
    spill.close()


def us_a_record(work: Callable[[], object], records: int) -> float:
    """Processor microseconds, the median of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        rounds.append(1e6 * (time.process_time() - begin) / records)
    return statistics.median(rounds)


def measured(broker: Broker, folder: Path) -> dict[str, Figure]:
    """All figures."""
    found = batches()
    forms: tuple[Form, ...] = ("json", "avro")
    messages = {form: encode.samples(found[0], config.Kafka(format=form)) for form in forms}
    gc.freeze()
    figures = {}
    for client in ("kafka-python", "librdkafka"):
        name = client.replace("-", "_")
        alone, stock, runs = [], [], []
        for number in range(ROUNDS):
            stock.append(stock_producer(broker, messages["json"]))
            alone.append(producer_alone(broker, client, messages["json"]))
            runs.append(whole_sink(broker, folder / f"{name}-{number}", found, client, "json"))
        goal = GOAL if client == "kafka-python" else None
        baseline = statistics.median(stock)
        walls = [run["wall"] for run in runs]
        figures[f"records_per_s_{name}"] = _rate(walls, goal, baseline)
        figures[f"records_per_cpu_s_{name}"] = _rate([run["cpu"] for run in runs])
        figures[f"producer_records_per_s_{name}"] = _rate(alone, goal, baseline)
    for form in forms:
        run = whole_sink(broker, folder / form, found, "kafka-python", form)
        figures[f"bytes_per_record_{form}"] = Figure(_mean_size(messages[form]), "B")
        figures[f"stored_bytes_per_record_{form}"] = Figure(run["stored"], "B")
        settings = config.Kafka(format=form)
        cost = us_a_record(partial(_encode, found, settings), 4 * ROWS)
        figures[f"encode_us_per_record_{form}"] = Figure(cost, "us")
    spilled = us_a_record(lambda: through_spill(folder / "alone", messages["json"]), RECORDS)
    figures["spill_us_per_record"] = Figure(spilled, "us")
    return figures


def _rate(rounds: list[float], goal: float | None = None, baseline: float | None = None) -> Figure:
    low, middle, high = statistics.quantiles(rounds, n=4, method="inclusive")
    return Figure(middle, "1/s", baseline, goal, "higher", (low, high))


def _encode(found: list[pa.RecordBatch], settings: config.Kafka) -> None:
    for batch in found:
        encode.samples(batch, settings)


def _mean_size(messages: Messages) -> float:
    return sum(map(len, messages.values)) / len(messages.values)


def _wait(true: Callable[[], Any], seconds: float = 120.0) -> None:
    limit = time.monotonic() + seconds
    while not true():
        if time.monotonic() > limit:
            raise TimeoutError("the broker did not acknowledge in time")
        time.sleep(0.002)


if __name__ == "__main__":
    file = parser(__doc__).parse_args().json
    cores = os.sched_getaffinity(0)
    sending, serving = sorted(cores)[:2]
    os.sched_setaffinity(0, {serving})
    with tempfile.TemporaryDirectory() as name, running(Path(name, "broker")) as started:
        os.sched_setaffinity(0, {sending})
        results = measured(started, Path(name, "spill"))
    os.sched_setaffinity(0, cores)
    Report("kafka_throughput", results).finish(file)
