"""Pictures made of a text, by models of this machine."""
