"""One controller a file. They do not import each other."""
