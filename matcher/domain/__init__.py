"""Values and rules; imports nothing of ours but `matcher.errors`."""
