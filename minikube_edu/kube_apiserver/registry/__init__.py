"""Where objects are kept and handed out: one generic set of verbs for all kinds, and what is special about each kind.

`store` has the verbs; `strategies/` has a module a group, named as in `api.groups`, with what is special.
"""
