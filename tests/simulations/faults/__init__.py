"""Faults: real processes of the program's own services on small homes, killed or cut off, and looked at."""
