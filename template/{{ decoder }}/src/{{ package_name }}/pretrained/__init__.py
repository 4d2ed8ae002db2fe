"""Models as they are published: folders of `config.json` and safetensors files, read and written.

`families/` has a file for each family of models that is understood; nothing else knows one.
"""
