"""What travels between a gateway and the collector, and the link that carries it. Imports nothing else of Gardu."""
