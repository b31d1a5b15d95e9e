"""Mien's generator without Blender: pure Python, numpy at import, torch only where it is used."""
