"""Peers: other programs that do comparable work, started as users start them."""
