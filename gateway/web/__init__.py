"""The gateway's own page, for whoever stands in front of it: no internet needed."""
