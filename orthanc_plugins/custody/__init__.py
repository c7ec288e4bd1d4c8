"""What stays with the custodian: the keys of projects, pseudonyms handed out, and the way back where asked for."""
