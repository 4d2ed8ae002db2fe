"""Hooks that come with the project; yours are subclasses of `training.hook.Hook` like them."""
