#!/bin/sh
# Makes the topics; what `attention-sidecar kafka topics` prints, written by `make fix`.
set -eu
PATH=$PATH:/opt/kafka/bin
kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists --topic attention.samples --partitions 3 --replication-factor 1 --config retention.ms=604800000 --config compression.type=producer --config max.message.bytes=1048588 --config min.insync.replicas=1
kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists --topic attention.alerts --partitions 1 --replication-factor 1 --config retention.ms=2592000000 --config compression.type=producer --config max.message.bytes=1048588 --config min.insync.replicas=1
