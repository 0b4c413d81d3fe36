"""Outward HTTP: the one session of a process, with deadlines, size caps, a closed list of hosts, and counted calls."""
