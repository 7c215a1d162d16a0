"""What the statistics promise, where the truth is known: simulated people, counted statements that were false."""
