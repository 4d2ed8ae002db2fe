"""The abstract interpreter that items 5, 6, 7, donation and purity share.

Each function is interpreted once, with its parameters and free variables as unknown inputs. What it
does to them is kept in a summary: which keys it consumes, where it needs concrete values of what,
which other functions it hands what. The engine then follows tracers along these summaries.
"""
