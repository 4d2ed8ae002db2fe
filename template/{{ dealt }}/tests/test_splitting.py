"""Splits: exact proportions, classes in proportion, nothing parted that belongs together."""

import hashlib
import random
from collections import Counter

import numpy as np
import pytest

from .project import errors, storage

UserError = errors.UserError
splitting = storage.splitting
SPLITS = splitting.SPLITS
PERCENT = [(70, 10, 20), (80, 10, 10), (90, 5, 5), (34, 33, 33)]


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).digest()


def divide(examples, percent=(70, 10, 20), given=()):
    """Examples are digests with, or without, a class and a size."""
    splitter = splitting.Splitter(percent, "the example")
    for example in examples:
        splitter.add(*example)
    return splitter.divide(given)


def classes(*sizes, seed=0):
    """So many distinct examples of each class, shuffled."""
    examples = [(digest(name, at), name) for name, size in named(sizes) for at in range(size)]
    random.Random(seed).shuffle(examples)
    return examples


def named(sizes):
    return [(f"c{number:03}", size) for number, size in enumerate(sizes)]


def moved(before, after):
    """How many of the examples before are in another split."""
    return sum(one != other for one, other in zip(before.splits, after.splits, strict=False))


# Proportions


@pytest.mark.parametrize("percent", PERCENT)
@pytest.mark.parametrize("count", [10, 131, 300, 999, 1000])
def test_proportions_are_exact(count, percent):
    splits, info = divide([(digest(number),) for number in range(count)], percent)
    counts = [splits.count(split) for split in SPLITS]
    assert counts == list(info["counts"].values())
    for cut in (1, 2):
        assert abs(sum(counts[:cut]) - count * sum(percent[:cut]) / 100) <= 0.5 or min(counts) == 1


def test_proportions_are_exact_and_each_class_is_within_one_of_its_share():
    """Whatever the classes, but for those of one example, which trains."""
    draws = random.Random(0)
    for trial in range(60):
        percent = draws.choice(PERCENT)
        most = draws.choice([4, 60, 200])
        sizes = [draws.randint(2, most) for _ in range(draws.choice([1, 2, 3, 10, 40]))]
        count = sum(sizes)
        if count < 30:
            continue
        _, info = divide(classes(*sizes, seed=trial), percent)
        counts = list(info["counts"].values())
        for cut in (1, 2):
            assert abs(sum(counts[:cut]) - count * sum(percent[:cut]) / 100) <= 0.5
        for split, share in zip(SPLITS, percent, strict=True):
            for name, size in named(sizes):
                assert abs(info["classes"][split][name] - size * share / 100) <= 1


def test_classes_are_divided_as_scikit_learn_divides_them():
    selection = pytest.importorskip("sklearn.model_selection")
    sizes = (357, 212, 41, 10, 3)
    examples = classes(*sizes)
    _, info = divide(examples)
    labels = np.array([label for _, label in examples])
    held_out = sum(info["counts"][split] for split in SPLITS[1:])
    judge = selection.StratifiedShuffleSplit(1, test_size=held_out, random_state=0)
    ((train, _),) = judge.split(labels, labels)
    theirs = Counter(labels[train].tolist())
    assert info["counts"]["train"] == len(train)
    assert all(abs(info["classes"]["train"][name] - theirs[name]) <= 1 for name in theirs)


def test_a_class_of_few_examples_is_trained_on_first():
    _, info = divide(classes(200, 1, 1, 2, 2))
    assert info["counts"] == {"train": 144, "validation": 21, "test": 41}
    assert all(info["classes"]["train"].values())
    # Many classes of two: the proportions hold, and each is trained on.
    _, info = divide(classes(*[2] * 100))
    assert list(info["counts"].values()) == [140, 20, 40]
    assert all(info["classes"]["train"].values())
    # Classes of one take the place of others.
    _, info = divide(classes(1000, *[1] * 50))
    assert list(info["counts"].values()) == [735, 105, 210]


# What stays together


def test_equal_examples_stay_together_and_count():
    draws = random.Random(1)
    distinct = classes(120, 60, 20)
    examples = [example for example in distinct for _ in range(draws.randint(1, 4))]
    splits, info = divide(examples)
    found = {}
    for (key, _), split in zip(examples, splits, strict=True):
        found.setdefault(key, set()).add(split)
    assert {len(each) for each in found.values()} == {1}
    for split, share in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
        assert abs(info["counts"][split] - share * len(examples)) <= 2


def test_no_group_is_in_two_splits():
    """The property of scikit-learn's GroupShuffleSplit, and shares nearer to what was asked."""
    selection = pytest.importorskip("sklearn.model_selection")
    draws = random.Random(2)
    groups = [group for group in range(60) for _ in range(draws.randint(1, 30))]
    examples = [(digest(group), draws.choice("aab")) for group in groups]
    splits, info = divide(examples)
    assert len(set(zip(groups, splits, strict=True))) == 60
    share = info["counts"]["train"] / len(groups)
    assert abs(share - 0.7) < 0.01
    judge = selection.GroupShuffleSplit(20, train_size=0.7, random_state=0)
    theirs = [abs(len(train) / len(groups) - 0.7) for train, _ in judge.split(groups, None, groups)]
    assert abs(share - 0.7) < float(np.mean(theirs))


def test_a_unit_of_several_classes_counts_as_the_rarest():
    """So the few examples of a class that groups bring along with others reach all splits."""
    examples = [(digest(group), "often") for group in range(100) for _ in range(20)]
    examples += [(digest(group), "seldom") for group in range(0, 100, 10)]
    _, info = divide(examples)
    assert [info["classes"][split]["seldom"] for split in SPLITS] == [7, 1, 2]


def test_a_unit_that_would_overfill_a_split_is_trained_on():
    for seed in range(5):
        sizes = [1000, *[1] * 99]
        splits, _ = divide([(digest(seed, at), "", size) for at, size in enumerate(sizes)])
        assert splits[0] == "train" and set(splits) == set(SPLITS)


def test_sizes_count_instead_of_examples():
    draws = random.Random(3)
    sizes = [draws.randint(1, 1000) for _ in range(400)]
    splits, _ = divide([(digest(at), "", size) for at, size in enumerate(sizes)], (90, 5, 5))
    for split, share in zip(SPLITS, (0.9, 0.05, 0.05), strict=True):
        there = sum(size for size, each in zip(sizes, splits, strict=True) if each == split)
        assert abs(there - share * sum(sizes)) <= max(sizes)


# Stability


def test_the_order_of_examples_decides_nothing():
    examples = classes(100, 37, 2, 2, 2, 1)
    first = dict(zip(examples, divide(examples).splits, strict=True))
    random.Random(9).shuffle(examples)
    assert dict(zip(examples, divide(examples).splits, strict=True)) == first


@pytest.mark.parametrize(("count", "most"), [(300, 6), (3000, 20), (30_000, 50)])
def test_more_examples_move_few_of_the_others(count, most):
    """What moves grows as the square root: of 30,000 examples hardly one in a thousand."""
    examples = [(digest(at),) for at in range(count)]
    more = [(digest("more", at),) for at in range(count // 100)]
    before = divide(examples)
    assert moved(before, divide(examples + more)) <= most
    assert moved(before, divide(examples + more[:1])) <= 2


def test_more_examples_of_one_class_move_few_of_any():
    examples = classes(*[150] * 10)
    more = [(digest("more", at), "c003") for at in range(15)]
    assert moved(divide(examples), divide(examples + more)) <= 15
    other = [example for example in examples if example[1] != "c003"]
    before, after = divide(examples), divide(examples + more)
    kept = zip(examples, before.splits, after.splits, strict=False)
    assert sum(one != two for (_, label), one, two in kept if label != "c003") <= len(other) // 100


# What is told


def test_ready_made_splits_are_counted_and_kept():
    given = ["test", "train", "validation", "train"]
    splits, info = divide(classes(2, 2), given=given)
    assert splits == given
    assert info["by"] == "folders" and "percent" not in info
    assert info["counts"] == {"train": 2, "validation": 1, "test": 1}


def test_few_examples_still_fill_every_split_and_fewer_are_reported():
    for count in range(3, 12):
        assert min(divide([(digest(at),) for at in range(count)]).info["counts"].values()) >= 1
    three = [(digest(at), "", size) for at, size in enumerate((1, 100, 1))]
    assert divide(three).info["counts"] == dict.fromkeys(SPLITS, 1)
    for few in ([], [(digest(0),)] * 50, classes(1, 1), classes(*[1] * 30)):
        with pytest.raises(UserError, match=r"split has no example: \d+ examples are") as caught:
            divide(few)
        assert "\n" not in str(caught.value)


def test_a_class_that_a_split_lacks_is_named():
    lines = splitting.split_lines(divide(classes(200, 40, 2)).info, "rows")
    assert lines[0] == "  split 70/10/20 by SHA-256 of the example"
    assert lines[1] == "  train              169 rows: c000 140, c001 28, c002 1"
    lacking = {line.split()[1] for line in lines if line.endswith("has no example of c002")}
    assert len(lacking) == 1 and lacking < {"validation", "test"}
    assert lines[-1] == "  warning: hardly any examples of c002 (2)"


def test_many_classes_are_told_in_short():
    lines = splitting.split_lines(divide(classes(*[30] * 40, *[1] * 15)).info, "images")
    assert lines[1].endswith("images, 1 to 21 in each of 55 classes")
    assert lines[4].startswith("  warning: validation has no example of c040, c041")
    assert lines[4].endswith("c049, 5 more")
    assert max(map(len, lines)) < 150
