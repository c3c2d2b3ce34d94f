"""From the reader's two maps to texts: contraction, CTC decoding (greedy, beam, constrained), likelihood.

Character indices are the alphabet's, 0 is the blank. Log posteriors have shape (timesteps, characters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLANK = 0
ROWS = HALVES = 2  # rows of text a plate has at most; reading steps per column of the maps
LEAKAGE = 0.25  # keeps the logits of a column in which the masks see no text near zero
NEGLIGIBLE = 1e-3  # a character less probable than this in a step starts no new text
QUIET = math.log(1 - 1e-3)  # ln of the blank above which a step says nothing
PER_STEP = 5  # characters followed in one step
HOPELESS = 1e-4  # share of the best prefix below which one is let go: no grammar outweighs that
FAR = 20.0  # in ln; a look may hold only 12 against a text, and no form is 8 rarer than another
FAINTEST = -80.0  # ln of the least probability that is told from none: eight steps of it are still a float64
RESCALED = 8  # steps between two rescalings of the forward algorithm: no 8 steps reach the end of float64
Indices = tuple[int, ...]
Floats = NDArray[np.float32] | NDArray[np.float64]


def contract(classes: Floats, masks: Floats) -> NDArray[np.float32]:
    """Logits (timesteps, characters) from the class map (1, H, W, 2·A) and the masks (1, H, W, 4).

    A linear classifier commutes with mask pooling, so the attention of the Korean paper's reader is
    finished here: step t = row·2W + 2·column + half looks down one half column through its mask.
    """
    _, height, width, channels = classes.shape
    scores = classes.reshape(height, width, HALVES, channels // HALVES)
    weights = masks.reshape(height, width, ROWS, HALVES)
    summed = np.einsum("hwrs,hwsa->rwsa", weights, scores)
    logits = summed / (weights.sum(axis=0) + LEAKAGE).transpose(1, 0, 2)[..., np.newaxis]
    return np.asarray(logits.reshape(ROWS * width * HALVES, -1), np.float32)


def log_softmax(logits: Floats) -> NDArray[np.float32]:
    """Log posteriors of logits, along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), np.float32)


def condense(log_posteriors: Floats) -> NDArray[np.float32]:
    """The same with every run of steps that hold next to nothing but the blank as one step: half as many, mostly.

    The first of a run stays and carries the blanks of the others.
    """
    quiet = log_posteriors[:, BLANK] > QUIET
    first = quiet & ~np.concatenate(([False], quiet[:-1]))
    runs = np.cumsum(first | ~quiet) - 1  # the condensed step of each step
    blanks = np.bincount(runs, log_posteriors[:, BLANK])
    condensed = np.array(log_posteriors[first | ~quiet], np.float32)
    condensed[:, BLANK] = blanks
    return condensed


def greedy(log_posteriors: Floats) -> Indices:
    """The text along the best path: repeats collapsed, blanks dropped."""
    best = log_posteriors.argmax(axis=1)
    kept = (best != BLANK) & (best != np.concatenate(([BLANK], best[:-1])))
    return tuple(int(i) for i in best[kept])


def beam(log_posteriors: Floats, *, width: int = 10, top: int = 10) -> list[tuple[Indices, float]]:
    """The `top` most probable texts with their log-probabilities by prefix search, best first.

    Only a few characters are followed in each step and hopeless prefixes are let go, so the values are lower
    bounds; `log_likelihoods` gives the exact ones.
    """
    posteriors = np.exp(log_posteriors)
    prefixes: dict[Indices, tuple[float, float]] = {(): (1.0, 0.0)}  # ending in a blank, in a character
    logs = 0.0
    for blank, characters in _worth_following(posteriors):
        if characters:
            extended = _step(prefixes, blank, characters)
        else:
            extended = {prefix: ((ends[0] + ends[1]) * blank, 0.0) for prefix, ends in prefixes.items()}
        best = sorted(extended.items(), key=_probability)[:width]
        scale = sum(best[0][1]) or 1.0
        logs += math.log(scale)
        prefixes = {
            prefix: (ends[0] / scale, ends[1] / scale)
            for prefix, ends in best
            if ends[0] + ends[1] >= HOPELESS * scale
        }
    found = sorted(prefixes.items(), key=_probability)[:top]
    return [(text, logs + math.log(sum(ends))) for text, ends in found if sum(ends) > 0]


def _probability(prefix: tuple[Indices, tuple[float, float]]) -> float:
    return -prefix[1][0] - prefix[1][1]


def _worth_following(posteriors: Floats) -> list[tuple[float, list[tuple[int, float]]]]:
    """For each step the blank's probability and the few characters that are not negligible, with theirs.

    Steps that hold nothing but the blank are told once for a run of them, with the product of its blanks.
    """
    blanks: list[float] = posteriors[:, BLANK].tolist()
    likely: list[list[tuple[int, float]]] = [[] for _ in blanks]
    steps, characters = np.nonzero(posteriors > NEGLIGIBLE)
    for step, index, p in zip(steps.tolist(), characters.tolist(), posteriors[steps, characters].tolist(), strict=True):
        if index != BLANK:
            likely[step].append((index, p))
    followed: list[tuple[float, list[tuple[int, float]]]] = []
    for blank, found in zip(blanks, likely, strict=True):
        if not found and followed and not followed[-1][1]:
            followed[-1] = (followed[-1][0] * blank, found)
        else:
            followed.append((blank, sorted(found, key=lambda pair: -pair[1])[:PER_STEP]))
    return followed


def _step(
    prefixes: dict[Indices, tuple[float, float]], blank: float, characters: list[tuple[int, float]]
) -> dict[Indices, tuple[float, float]]:
    """One step of prefix search: stay with a blank, repeat the last character, or add one."""
    extended: dict[Indices, tuple[float, float]] = {}
    for prefix, (in_blank, in_character) in prefixes.items():
        total = in_blank + in_character
        before = extended.get(prefix, (0.0, 0.0))
        extended[prefix] = (before[0] + total * blank, before[1])
        last = prefix[-1] if prefix else BLANK
        for character, probability in characters:
            if character == last:
                before = extended[prefix]
                extended[prefix] = (before[0], before[1] + in_character * probability)
            grown = (*prefix, character)
            before = extended.get(grown, (0.0, 0.0))
            start = in_blank if character == last else total
            extended[grown] = (before[0], before[1] + start * probability)
    return extended


def log_likelihood(log_posteriors: Floats, indices: Sequence[int]) -> float:
    """Exact log-probability of one text: the forward algorithm over all its paths."""
    return float(log_likelihoods(log_posteriors, [indices])[0])


def log_likelihoods(log_posteriors: Floats, texts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Exact log-probabilities (texts,) of many texts at once; -inf for one too long for the steps."""
    if not texts:
        return np.zeros(0)
    labels, ends = _with_blanks(texts)
    posteriors = np.exp(np.maximum(log_posteriors, FAINTEST)).astype(np.float64)
    emitted = posteriors[:, labels.T]  # (timesteps, states, texts)
    may_skip = ((labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])).T.astype(np.float64)
    alpha = np.zeros((labels.shape[1] + 1, len(texts)))  # one more state in front, which is never reached
    alpha[1:3] = emitted[0, :2]
    ahead, skipped = np.empty_like(alpha[1:]), np.empty_like(may_skip)
    logs = np.zeros(len(texts))
    for step in range(1, len(emitted)):
        np.add(alpha[1:], alpha[:-1], out=ahead)
        np.multiply(alpha[1:-2], may_skip, out=skipped)
        ahead[2:] += skipped
        np.multiply(ahead, emitted[step], out=alpha[1:])
        if step % RESCALED == 0:
            scale = alpha.max(axis=0)
            scale[scale == 0] = 1.0
            alpha /= scale
            logs += np.log(scale)
    each = np.arange(len(texts))
    last = alpha[ends + 1, each] + alpha[ends, each]
    with np.errstate(divide="ignore"):
        return np.asarray(logs + np.log(last), np.float64)


def _with_blanks(texts: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels (texts, states) with blanks around every character, and each text's last state."""
    states = max(2, 2 * max(map(len, texts)) + 1)
    rows = []
    for text in texts:
        row = [BLANK] * states
        row[1 : 2 * len(text) : 2] = text
        rows.append(row)
    return np.array(rows, np.int64), np.array([2 * len(text) for text in texts])


def constrained(
    log_posteriors: Floats, classes: NDArray[np.bool_], templates: Sequence[Sequence[int]]
) -> list[Indices]:
    """For each template the text along its best path, every character taken from the template's class.

    `classes` (classes, characters) says which characters a class holds; a template is one class per
    character. This proposes what a grammar can read where the free search finds only what it cannot. A text is
    empty where none fits, or only one that is FAR less probable than the best path of all.
    """
    if not templates:
        return []
    best, which = _within(log_posteriors, classes)
    labels, ends = _with_blanks([[c + 1 for c in template] for template in templates])  # (templates, states)
    emitted = best[:, labels.T]  # (timesteps, states, templates)
    letters = which[:, labels.T[1::2]]  # (timesteps, characters, templates)
    path, score = _best_path(emitted, letters, ends)
    near = score >= log_posteriors.max(axis=1).sum() - FAR
    found = iter(_letters_along(path[:, near], emitted[:, :, near], letters[:, :, near], ends[near]))
    return [next(found) if hopeful else () for hopeful in near.tolist()]


def _within(log_posteriors: Floats, classes: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.intp]]:
    """The best log posterior (timesteps, 1 + classes) of the blank and in each class, and whose it is."""
    columns = [np.zeros(1, np.intp), *(np.flatnonzero(held) for held in classes)]
    parts = [log_posteriors[:, held] for held in columns]
    which = [held[part.argmax(axis=1)] for held, part in zip(columns, parts, strict=True)]
    return np.stack([part.max(axis=1) for part in parts], axis=1), np.stack(which, axis=1)


def _best_path(
    emitted: Floats, letters: NDArray[np.intp], ends: NDArray[np.int64]
) -> tuple[NDArray[np.intp], Floats]:
    """Viterbi: the state (timesteps, templates) of each template's best path at each step, and its log-probability."""
    steps, states, count = emitted.shape
    same = np.zeros((steps, states - 2, count), emitted.dtype)  # added where a letter would follow itself at once
    same[:, 0::2] = -np.inf  # from blank to blank is no way
    same[1:, 1::2][letters[1:, 1:] == letters[:-1, :-1]] = -np.inf
    score = np.full((states, count), -np.inf, emitted.dtype)
    score[:2] = emitted[0, :2]
    one, two = np.zeros((2, steps, states, count), bool)  # whether the path came from one or two states before
    stay = np.empty_like(score)
    for step in range(1, steps):
        np.greater(score[:-1], score[1:], out=one[step, 1:])
        np.copyto(stay, score)
        np.maximum(stay[1:], score[:-1], out=stay[1:])
        far = score[:-2] + same[step]
        np.greater(far, stay[2:], out=two[step, 2:])
        np.maximum(stay[2:], far, out=stay[2:])
        np.add(stay, emitted[step], out=score)
    each = np.arange(count)
    came = np.where(two, 2, one)
    state = np.where(score[ends, each] >= score[ends - 1, each], ends, ends - 1)
    path = np.zeros((steps, count), np.intp)
    for step in range(steps - 1, -1, -1):
        path[step] = state
        state = state - came[step, state, each]
    return path, np.maximum(score[ends, each], score[ends - 1, each])


def _letters_along(
    path: NDArray[np.intp], emitted: Floats, letters: NDArray[np.intp], ends: NDArray[np.int64]
) -> list[Indices]:
    """Each template's text: for each character the one that was surest while the path stayed on it."""
    steps, each = np.arange(len(path))[:, np.newaxis], np.arange(len(ends))
    order = np.argsort(emitted[steps, path, each], axis=0, kind="stable")  # the surest step last
    states = path[order, each]  # odd ones are characters
    found = np.zeros((int(ends.max(initial=0)) // 2 + 1, len(ends)), np.intp)  # the last row takes what the blanks say
    slots = np.where(states % 2, states // 2, -1)
    found[slots, np.broadcast_to(each, slots.shape)] = letters[order, slots, each]  # the surest stays
    return [
        text if all(text) else ()
        for length, row in zip((ends // 2).tolist(), found.T.tolist(), strict=True)
        for text in (tuple(row[:length]),)
    ]
