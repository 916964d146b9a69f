"""A GSM modem with a SIM, an SMS centre and phones, behind a real pseudo terminal. Written from the 3GPP texts."""
