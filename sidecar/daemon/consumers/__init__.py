"""What reads from Kafka: a live view of samples, and the archiver of a fleet."""
