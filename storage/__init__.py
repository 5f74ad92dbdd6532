"""What is remembered: the record, its writer, the archive and the warehouse."""
