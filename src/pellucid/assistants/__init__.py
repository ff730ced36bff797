"""Ready-made assistants, made of the abilities."""
