"""Eyes, teeth, lashes, glasses: the list of what belongs to a face, in its own mesh and in other objects."""
