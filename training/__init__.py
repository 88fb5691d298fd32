"""From recordings to an embedded voice: prepare, align, train, export, evaluate."""
