"""The review in a browser: the same app in a child process, drawn by textual-serve's terminal, on loopback."""
