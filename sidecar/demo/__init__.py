"""The demonstration: an invented world, two small models that live in it, faults and traffic."""
