"""A value -> what a person sees: terminal text, an HTML page, a notebook's cell.

One function per thing shown. Nothing here prints, reads or writes.
"""
