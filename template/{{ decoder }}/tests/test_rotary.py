"""Rotary positions, each way to stretch them against its formula, pair by pair."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from .project import rotary

WIDTH, LENGTH, FACTOR, BASE = 16, 32, 4.0, 10_000.0
STRETCHED = {"factor": FACTOR, "original_length": LENGTH}
POSITIONS = jnp.array([[0, 1, 7, 40, 99]])


def turned(settings, *, local=False, width=WIDTH):
    """What is made of heads, as complex numbers of which each is a pair; and the features after."""
    x = jax.random.normal(jax.random.key(0), (1, 2, POSITIONS.shape[1], width))
    made = rotary.rotate(x, POSITIONS, settings, local=local)
    half = settings.width(width) // 2
    before, after = (
        np.asarray(each[..., :half] + 1j * each[..., half : 2 * half]) for each in (x, made)
    )
    np.testing.assert_array_equal(x[..., 2 * half :], made[..., 2 * half :])
    return before, after


def expected(frequencies, factor=1.0):
    angles = np.asarray(POSITIONS)[0][:, None] * np.array(frequencies)[None, :]
    return factor * np.exp(1j * angles)[None, None]


def plain(base=BASE, width=WIDTH):
    return [base ** (-2 * pair / width) for pair in range(width // 2)]


def llama3(frequency):
    wavelength = 2 * math.pi / frequency
    if wavelength > LENGTH / 1.0:
        return frequency / FACTOR
    if wavelength < LENGTH / 4.0:
        return frequency
    share = (LENGTH / wavelength - 1.0) / (4.0 - 1.0)
    return (1 - share) * frequency / FACTOR + share * frequency


def yarn(pair, frequency, truncate):
    def limit(turns):
        return WIDTH * math.log(LENGTH / (turns * 2 * math.pi)) / (2 * math.log(BASE))

    first, last = limit(32.0), limit(1.0)
    if truncate:
        first, last = math.floor(first), math.ceil(last)
    share = min(max((pair - max(first, 0)) / (last - max(first, 0)), 0), 1)
    return frequency / FACTOR * share + frequency * (1 - share)


def dynamic():
    growth = FACTOR * 100 / LENGTH - (FACTOR - 1)  # the longest sequence has 100 positions
    return plain(BASE * growth ** (WIDTH / (WIDTH - 2)))


SHARPER = 0.1 * math.log(FACTOR) + 1
CASES = {
    "none": ({}, plain(), 1.0),
    "base": ({"base": 500.0}, plain(500.0), 1.0),
    "linear": ({"factor": FACTOR}, [each / FACTOR for each in plain()], 1.0),
    "dynamic": (STRETCHED, dynamic(), 1.0),
    "llama3": (STRETCHED, [llama3(each) for each in plain()], 1.0),
    "yarn": (STRETCHED, [yarn(*each, True) for each in enumerate(plain())], SHARPER),
    "yarn, real limits": (
        {**STRETCHED, "truncate": False, "attention_factor": 1.5},
        [yarn(*each, False) for each in enumerate(plain())],
        1.5,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_scaling_turns_pairs_as_its_formula_says(case):
    changes, frequencies, factor = CASES[case]
    scaling = "none" if case == "base" else case.partition(",")[0]
    before, after = turned(rotary.RotarySettings(scaling=scaling, **changes))
    np.testing.assert_allclose(after, before * expected(frequencies, factor), atol=1e-4)


def test_layers_with_a_window_have_a_base_of_their_own():
    settings = rotary.RotarySettings(local_base=100.0, scaling="linear", factor=FACTOR)
    before, after = turned(settings, local=True)
    np.testing.assert_allclose(after, before * expected(plain(100.0)), atol=1e-4)


def test_the_first_features_rotate_and_the_others_stay():
    before, after = turned(rotary.RotarySettings(share=0.25), width=64)
    np.testing.assert_allclose(after, before * expected(plain()), atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scaling": "yarn"}, "original_length: rotary scaling 'yarn' needs one"),
        ({"low_frequency_factor": 4.0}, "low_frequency_factor: 4.0 must be below"),
        ({"beta_slow": 32.0}, "beta_slow: 32.0 must be below"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        rotary.RotarySettings(**changes)
