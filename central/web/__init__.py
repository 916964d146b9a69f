"""The collector's pages and API."""
