"""What must stay with the custodian: the projects' keys, pseudonyms handed out, the way back where one was asked for."""
