"""A head that is no template of ours: its landmarks, the wrap, the binding."""
