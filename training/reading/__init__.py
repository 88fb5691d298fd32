"""Build the tables of the reader: composed or counted data."""
