"""All attempts, by family, in the order in which they are tried."""

from matcher.bypass import certificates, files, judging, people, programs, rows, surroundings, tampering

FAMILIES = (
    ("environment, configuration and flags", surroundings.ATTEMPTS),
    ("people and roles", people.ATTEMPTS),
    ("certificates and searches", certificates.ATTEMPTS),
    ("review", judging.ATTEMPTS),
    ("SQL, with the rules of the database in place", rows.ATTEMPTS),
    ("SQL, with the rules taken away", tampering.ATTEMPTS),
    ("files", files.ATTEMPTS),
    ("programs", programs.ATTEMPTS),
)
