"""Everything that touches a SIM. Imports nothing else of Gardu."""
