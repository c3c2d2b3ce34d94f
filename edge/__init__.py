"""Licence-plate recognition on the edge: a frame goes in, the owner of the vehicle comes out, offline."""

__version__ = "0.1.0"
