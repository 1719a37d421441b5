"""Readers and sinks: product tables, benchmark formats, and what is written back."""
