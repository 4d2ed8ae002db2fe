"""The abstract interpreter that items 5, 6, 7, 12, donation and purity share.

Each function is interpreted once, with its parameters and free variables as unknown inputs. What it
does to them is kept in a summary: which keys it consumes, where it needs concrete values of what,
which other functions it hands what. The engine then follows tracers along these summaries.

Where to look:

- `engine` makes the summaries, `interpreting` one of them, in a `run`; `summary` says what is kept.
- `values` and `tokens` are what is computed with, `state` is what holds at one point.
- `statements`, `expressions` and `calls` say what code does, one file per kind.
- `keys` and `donations` are the linear rules: consumed once, not used after donation.
- `definitions` says what names of the project stand for, `library` what functions of libraries do,
  `annotated` and `inputs` what annotations say about values.
- `handing` and `tracers` follow tracers from function to function; `judging` says where one meets a
  need for a concrete value. `effects` finds side effects.
"""
