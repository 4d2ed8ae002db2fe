"""How well scikit-learn's linear models and gradient boosting predict a prepared table.

They learn from the training split alone, from the same standardised numbers as the network and one
column for each value of a category. ``logistic`` and ``ridge`` have their default regularisation;
for ``logistic_cv`` and ``ridge_cv`` it is chosen by cross-validation within the training split.
``loss`` is the logarithmic one, as ``evaluate`` prints it for classes. ``r2`` is the explained
share of the held-out numbers' variance.

Usage: ``python tabular.py PACKAGE DIRECTORY`` in the environment of a rendered tabular project.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
from sklearn import ensemble, linear_model, metrics

STRENGTHS = np.logspace(-3, 3, 13)


def main(package: str, directory: str) -> None:
    """Print a line for each held-out split, model and score."""
    dataset = importlib.import_module(f"{package}.storage.dataset")
    data = importlib.import_module(f"{package}.data")
    encoding = importlib.import_module(f"{package}.encoding")
    info = dataset.DataSet.open(Path(directory)).info
    how = encoding.Encoding.of(info)
    target, sizes = how.target, [len(category.values) + 1 for category in how.categories]

    def read(split: str) -> tuple[np.ndarray, np.ndarray]:
        settings = data.TableData(directory=directory, batch_size=info["split"]["counts"][split])
        (batch,) = settings.eval_batches(split, limit=None, process=0, processes=1)
        places = zip(batch["categories"].T, sizes, strict=True)
        values = [np.eye(size, dtype=np.float32)[column] for column, size in places]
        inputs = np.hstack([batch["numbers"], batch["missing"], *values])
        return inputs.astype(np.float64), batch["targets"]

    classes = target.task == "classification"
    models = classifiers() if classes else regressors()
    for model in models.values():
        model.fit(*read("train"))
    for split in ("validation", "test"):
        inputs, true = read(split)
        for name, model in models.items():
            if classes:
                shares = np.zeros((len(true), len(target.classes)))
                shares[:, model.classes_] = model.predict_proba(inputs)  # training may lack some
                told = class_scores(true, shares)
            else:
                unit = target.std
                told = number_scores(true * unit, model.predict(inputs) * unit)
            for score, value in told.items():
                print(f"{split}_{name}_{score} {value:.4f}")


def classifiers() -> dict:
    """Models of classes by name."""
    return {
        "logistic": linear_model.LogisticRegression(max_iter=10_000),
        "logistic_cv": linear_model.LogisticRegressionCV(
            Cs=STRENGTHS,
            l1_ratios=(0,),
            scoring="neg_log_loss",
            max_iter=10_000,
            use_legacy_attributes=False,
        ),
        "boosting": ensemble.HistGradientBoostingClassifier(random_state=0),
    }


def regressors() -> dict:
    """Models of numbers by name."""
    return {
        "ridge": linear_model.Ridge(),
        "ridge_cv": linear_model.RidgeCV(STRENGTHS),
        "boosting": ensemble.HistGradientBoostingRegressor(random_state=0),
    }


def class_scores(true: np.ndarray, shares: np.ndarray) -> dict[str, float]:
    """Scores of probabilities."""
    told = {
        "accuracy": metrics.accuracy_score(true, shares.argmax(axis=1)),
        "loss": metrics.log_loss(true, shares, labels=range(shares.shape[1])),
    }
    if shares.shape[1] == 2:
        told["auc"] = metrics.roc_auc_score(true, shares[:, 1])
    return told


def number_scores(true: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Scores of numbers in their own unit."""
    return {
        "r2": metrics.r2_score(true, predicted),
        "mae": metrics.mean_absolute_error(true, predicted),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
