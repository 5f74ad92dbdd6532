"""The command line and, later, the operator's pages."""
