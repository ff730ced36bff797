"""Text read aloud and speech written down, by models of this machine."""
