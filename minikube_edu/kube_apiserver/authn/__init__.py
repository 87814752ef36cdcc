"""Who is asking: a chain of ways to find out. The first that knows answers; none: 401, or the anonymous user.

`chain` has the interface; `certificates` and `bearer` are links of it, and `bearer` has links of its own, one for each
sort of token. `issuer` makes the tokens of service accounts. `impersonation` comes after authorization was asked.
"""
