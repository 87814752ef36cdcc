"""Do the servers of images answer as the real ones?"""
