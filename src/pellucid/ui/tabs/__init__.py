"""The tabs beside the conversation, one a module: `build(desk)` puts its parts into the page."""
