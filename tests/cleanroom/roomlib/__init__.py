"""Bare Debian roots to try this project in. Its ways of reaching the archive are those of the fleet."""
