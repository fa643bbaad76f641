"""The data of the text-to-symbolic paper. Knows the one function that builds it; what reads it
(``reader``, ``references``) is imported from its own module."""

from cantilena.data.paper.build import build_paper

__all__ = ["build_paper"]
