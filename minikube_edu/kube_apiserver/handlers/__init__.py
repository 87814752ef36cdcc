"""A verb a file: from a request to an answer. `answers` forms what goes out, `body` reads what comes in."""
