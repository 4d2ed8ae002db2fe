"""Files that a user could have, for models that were trained on a task's sample."""

import csv
import json
import math
from datetime import date, timedelta
from pathlib import Path


def write(task: str, folder: Path, run: Path) -> int:
    """Writes files for `predict`.

    Args:
        task: the task.
        folder: where to, made here.
        run: the run directory, which describes its data.

    Returns:
        How many predictions can be made of them.
    """
    folder.mkdir()
    info = json.loads((run / "data_set.json").read_text())["info"]
    return WRITERS[task](folder, info)


def write_language(folder: Path, info: dict) -> int:
    for name in ("one", "two"):
        (folder / f"{name}.txt").write_text(f"def {name}():\n    return 1\n" * 20)
    return 2


def write_image(folder: Path, info: dict) -> int:
    for number in range(3):  # grey images in the simplest of all formats
        shades = bytes((number * 90 + 20 * at) % 256 for at in range(12 * 10))
        (folder / f"{number}.pgm").write_bytes(b"P5 12 10 255\n" + shades)
    return 3


def write_tabular(folder: Path, info: dict) -> int:
    columns = list(info["schema"]["columns"])
    with (folder / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, ["10.5"] * len(columns), ["12"] * len(columns)])
    return 2


def write_forecasting(folder: Path, info: dict) -> int:
    start = date(2001, 1, 6)
    with (folder / "co2.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["date", "co2"])
        for week in range(300):
            season = 3 * math.sin(2 * math.pi * week / 52)
            rows.writerow(
                [f"{start + timedelta(weeks=week):%Y%m%d}", f"{370 + week / 26 + season:.1f}"]
            )
    return 1


def write_post_training(folder: Path, info: dict) -> int:
    (folder / "prompts.txt").write_text("lamp>\ncat>\n")
    lines = [{"prompt": "tree>", "response": "eert"}, {"prompt": "sun>"}]
    (folder / "prompts.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return 4


WRITERS = {
    "language": write_language,
    "post-training": write_post_training,
    "image": write_image,
    "tabular": write_tabular,
    "forecasting": write_forecasting,
}
