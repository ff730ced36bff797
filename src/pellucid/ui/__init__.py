"""The page: a conversation on the left, what really happened on the right. Needs the extra `ui`."""
