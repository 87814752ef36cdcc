"""Who is asking: a chain of ways to find out. The first that knows answers; none: 401, or the anonymous user.

`chain` has the interface; `certificates`, `static_tokens` are links of it; `impersonation` comes after authorization
was asked.
"""
