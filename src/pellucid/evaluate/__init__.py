"""Judging models: several of them on one question."""
