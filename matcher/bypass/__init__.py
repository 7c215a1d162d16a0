"""The shipped attack suite: what somebody could try against a safeguard, tried for real in a home made for it."""
