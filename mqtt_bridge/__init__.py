"""What travels between a gateway and the collector, and the link that carries it.

Imports nothing else of Gardu; both sides import it, so what both need alike (settings, logs, keys) is here too.
"""
