"""Do the network's commands say and do what the real ones do?"""
