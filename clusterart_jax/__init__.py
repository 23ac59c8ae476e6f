"""Cluster pictures, then generate new ones from the clusters, as XLA programs."""

__version__ = "0.1.0"
