"""Measurements beside a peer in the same run: ratios and medians, for `make bench`."""
