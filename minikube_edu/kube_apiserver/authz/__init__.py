"""Who may do what: a chain of authorizers. The first with an opinion decides; none: no."""
