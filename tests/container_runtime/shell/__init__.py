"""Is the shell a shell?"""
