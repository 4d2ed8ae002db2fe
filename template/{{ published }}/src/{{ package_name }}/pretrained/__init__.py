"""Models as they are published: files of tensors, read as they are."""
