"""The collector at the city's data centre: takes records in, once each, and shows them to people and programs."""
