"""Asking servers over HTTP: nothing here takes longer than it was given. Standard library only."""
