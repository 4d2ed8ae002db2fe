"""The splits of a data set, and which of them an example belongs to."""

SPLITS = ("train", "validation", "test")


def split_by(digest: bytes, percent: tuple[int, int, int]) -> str:
    """The split of an example, decided by its digest alone.

    Equal digests fall into the same split, and adding examples moves none of the others.

    Args:
        digest: SHA-256 of what makes examples the same. Its last bytes decide, since its first
            ones may decide an order.
        percent: How many of a hundred examples go to each of the splits.
    """
    percentile = int.from_bytes(digest[-8:], "big") % 100
    if percentile < percent[0]:
        return SPLITS[0]
    return SPLITS[1] if percentile < percent[0] + percent[1] else SPLITS[2]
