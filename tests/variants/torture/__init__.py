"""Faults at random in real runs of a rendered project, which must survive them or tell of them."""
