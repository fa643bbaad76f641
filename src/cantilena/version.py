"""The version of the package: its one place, from which ``pyproject.toml`` reads it."""

__version__ = "0.1.0"
