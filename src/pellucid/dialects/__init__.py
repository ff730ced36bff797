"""Wire formats: pure translation, both ways, no I/O."""
