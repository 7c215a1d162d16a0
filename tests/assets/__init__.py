"""Files for tests, none of them stored: each is made by a script, and named for its defect."""
