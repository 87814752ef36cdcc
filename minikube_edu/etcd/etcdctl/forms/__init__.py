"""The output forms of `-w`: one a module, all with the methods of form.py's Form."""
