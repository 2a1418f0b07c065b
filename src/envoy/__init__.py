"""Envoy: durable shared work for humans and agents, across runtimes, machines and time.

Importing the package loads nothing: every command pays for what it uses and no more.
"""

__version__ = "0.1.0"
