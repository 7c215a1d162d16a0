"""Other programs that answer the same question, each in its best form."""
