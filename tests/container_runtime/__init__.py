"""Is a simulated machine a machine?"""
