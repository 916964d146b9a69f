"""The gateway of one office: takes check-ins from its modem, keeps them in a journal, forwards them."""
