"""Tryton, the real server: how it is installed, filled and run on this machine."""
