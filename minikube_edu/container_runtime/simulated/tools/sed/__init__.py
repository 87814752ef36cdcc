"""sed: `script` reads the program, `editor` runs it over the lines; `command` is what a shell calls."""
