"""Examples as tokens: what is cut."""

from .project import post_training


def test_turns_of_a_conversation_are_cut_with_their_mask():
    truncate = post_training.examples.truncate
    example = {"prompt": [1, 2], "response": [3, 4, 5, 6], "response_mask": [1, 0, 0, 1]}
    assert truncate(example, ["response"], (2, 3), "left") == {
        "prompt": [2, 3],
        "response": [4, 5, 6],
        "response_mask": [0, 0, 1],
    }
    right = truncate(example, ["response"], (2, 3), "right")
    assert right == {"prompt": [1, 2], "response": [3, 4, 5], "response_mask": [1, 0, 0]}
    pair = {"prompt": [1, 2, 3], "chosen": [4], "rejected": [5, 6, 7]}
    assert truncate(pair, ["chosen", "rejected"], (2, 2), "left") is None
    assert truncate(pair, ["chosen", "rejected"], (2, 3), "left") == pair | {"prompt": [2, 3]}
