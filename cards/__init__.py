"""The face: the core's answers in, Card JSON out. Pure functions; no I/O, no clock, no environment."""
