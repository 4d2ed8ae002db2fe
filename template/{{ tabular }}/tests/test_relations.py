"""Columns that repeat others, and those that give the target away."""

import pyarrow as pa

from .project import relations

ROWS = 200


def found(target, **columns):
    """What columns have to do with each other, in batches of odd sizes."""
    table = pa.table(columns)
    looked = relations.Relations(table.column_names, target)
    for start, stop in ((0, 1), (1, 90), (90, ROWS)):
        (batch,) = table.slice(start, stop - start).combine_chunks().to_batches()
        looked.add(batch)
    return looked.copies(), looked.telling()


WORDS = [("calm", "gale", "storm")[at % 3] for at in range(ROWS)]
NUMBERS = [float(at * at % 199) for at in range(ROWS)]


def test_copies():
    almost = [*NUMBERS[:-1], NUMBERS[-1] + 1]
    columns = {"a": WORDS, "b": NUMBERS, "c": WORDS, "d": almost, "e": [int(n) for n in NUMBERS]}
    assert found("", **columns)[0] == {"c": "a", "e": "b"}
    assert found("c", **columns)[0] == {"a": "c", "e": "b"}  # the target stays
    gap = [None, *NUMBERS[1:]]
    assert found("", a=NUMBERS, b=gap, c=gap)[0] == {"c": "b"}


def test_columns_that_tell_the_target():
    code = [{"calm": 7, "gale": 1, "storm": 4}[word] for word in WORDS]
    late = [*code[:-1], 9]
    coarse = [word == "calm" for word in WORDS]
    assert found("y", code=code, late=late, coarse=coarse, y=WORDS)[1] == {"code"}
    celsius = [(number - 32) / 1.8 for number in NUMBERS]
    assert found("y", line=celsius, curve=[n**3 for n in NUMBERS], y=NUMBERS)[1] >= {"line"}
    assert found("y", each=list(range(ROWS)), y=NUMBERS)[1] == set()  # no value stands there twice
