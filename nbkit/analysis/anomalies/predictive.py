"""What the next day may look like, given the days before it: three predictive distributions.

Each is a mixture over a small grid of parameters, weighted by how well they explain the baseline
(a discrete posterior under flat priors). So a short baseline, or one with wild days in it, widens
the prediction by itself, and a tail probability needs no further correction for either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln, gammaln, stdtr, xlogy

from nbkit.analysis.robust import Floats, deviation

Ints = npt.NDArray[np.int64]

_DEGREES = np.array([3.0, 5.0, 10.0, 30.0])
_SCALES = np.exp(np.linspace(-0.7, 0.9, 9))
# Days further off than this many robust deviations are past incidents, which must not hide new
# ones: they say nothing about usual days, as long as they are no more than a tenth.
_FURTHEST = 4.5
_SIZES = np.array([0.5, 1, 2, 4, 8, 16, 64, 10_000])
_CONCENTRATIONS = np.array([1.0, 3, 10, 30, 100, 300, 3_000])
_LOGITS = np.linspace(-2, 2, 17)
_EXACT_RUNS = 200
_PSEUDO = 0.05
_MISSED = 1e-4
_MEDIAN_EFFICIENCY = np.pi / 2


@dataclass(frozen=True, kw_only=True)
class LogModel:
    """Positive values on the log scale: a level per weekday, and Student noise about it.

    `evidence`: how well each of four heavinesses of the tail explains the baseline, as logs.
    """

    levels: Floats
    degrees: Floats
    scales: Floats
    weights: Floats
    evidence: Floats

    def tails(self, log_value: float, weekday: int, *, widen: float = 1.0) -> tuple[float, float]:
        """The probability of a value as low, and of one as high; noise times `widen`."""
        away = (log_value - self.levels[weekday]) / (self.scales * widen)
        low = float(self.weights @ stdtr(self.degrees, away))
        high = float(self.weights @ stdtr(self.degrees, -away))
        return min(low, 1.0), min(high, 1.0)

    def bounds(self, weekday: int, *, widen: float = 1.0) -> tuple[float, float, float]:
        """The expected value and the range that holds 95 % of usual days, not as logs."""
        level = float(self.levels[weekday])
        away = np.linspace(0, 20 * float(self.scales.max()) * widen, 400)
        high = stdtr(self.degrees[:, None], -away / (self.scales[:, None] * widen))
        reach = float(np.interp(-0.025, -(self.weights @ high), away))
        return float(np.exp(level)), float(np.exp(level - reach)), float(np.exp(level + reach))


def log_model(
    logs: Floats, weekdays: Ints, *, least_scale: float, heaviness: Floats | None = None
) -> LogModel:
    """Fit to a baseline of logs, one a day.

    `heaviness` is what many like it say of the tail (`common_heaviness`): one baseline is far too
    short to tell how far off a rare day is.

    The level of a weekday is the median, moved towards that weekday's own as far as weekdays
    differ by more than chance (positive-part James & Stein 1961).
    """
    middle = float(np.median(logs))
    spread = max(deviation(logs - middle), least_scale)
    levels = np.full(7, middle)
    used = 1.0
    days = np.bincount(weekdays, minlength=7)
    several = np.flatnonzero(days >= 2)
    if several.size >= 2:
        own = np.array([np.median(logs[weekdays == day]) for day in several]) - middle
        within = np.concatenate(
            [logs[weekdays == d] - middle - o for d, o in zip(several, own, strict=True)]
        )
        # A deviation from medians of few days is too small by as much as those days fit it.
        noise = deviation(within)
        noise = max(noise * np.sqrt(within.size / max(within.size - several.size, 1)), least_scale)
        chance = float(np.mean(noise**2 * _MEDIAN_EFFICIENCY / days[several]))
        between = float(np.mean(own**2))
        share = max(0.0, 1 - 2 * chance / between) if between > 0 else 0.0
        levels[several] += share * own
        used += share * (several.size - 1)
        if share > 0:
            spread = max(deviation(logs - levels[weekdays]), least_scale)
            spread *= np.sqrt(logs.size / max(logs.size - used, 1))
    residuals = logs - levels[weekdays]
    residuals = residuals[np.abs(residuals) <= max(_FURTHEST * spread, _quantile90(residuals))]
    degrees = np.repeat(_DEGREES, _SCALES.size)
    scales = np.maximum(np.tile(_SCALES * spread, _DEGREES.size), least_scale)
    fit = np.sum(_log_student(residuals[:, None] / scales, degrees) - np.log(scales), axis=0)
    evidence = np.logaddexp.reduce(fit.reshape(_DEGREES.size, -1), axis=1)
    if heaviness is not None:
        fit = fit + np.repeat(np.log(heaviness), _SCALES.size)
    level_unsure = np.sqrt(1 + _MEDIAN_EFFICIENCY * used / logs.size)
    return LogModel(
        levels=levels,
        degrees=degrees,
        scales=scales * level_unsure,
        weights=_normalised(fit),
        evidence=evidence,
    )


def common_heaviness(evidence: list[Floats]) -> Floats:
    """How often each heaviness of the tail occurs among many baselines (empirical Bayes, by EM).

    A few baselines leave it near even.
    """
    shares = np.full(_DEGREES.size, 1 / _DEGREES.size)
    if not evidence:
        return shares
    relative = np.array(evidence) - np.max(evidence, axis=1, keepdims=True)
    likelihood = np.exp(relative)
    for _ in range(30):
        member = likelihood * shares
        member /= member.sum(axis=1, keepdims=True)
        shares = (member.sum(axis=0) + _PSEUDO) / (len(evidence) + _PSEUDO * _DEGREES.size)
    return shares


@dataclass(frozen=True, kw_only=True)
class CountModel:
    """Small counts: negative binomial, its mean and over-dispersion not known exactly."""

    mean: float
    means: Floats
    sizes: Floats
    weights: Floats

    def tails(self, count: int) -> tuple[float, float]:
        """The probability of a count as low, and of one as high."""
        stays = self.sizes / (self.sizes + self.means)
        low = float(self.weights @ betainc(self.sizes, count + 1, stays))
        if count == 0:
            return min(low, 1.0), 1.0
        high = float(self.weights @ betainc(count, self.sizes, 1 - stays))
        return min(low, 1.0), min(high, 1.0)

    def bounds(self) -> tuple[float, float, float]:
        """The mean and the range that holds 95 % of usual days."""
        return self.mean, self._least(0.025), self._least(0.975)

    def _least(self, share: float) -> float:
        """The least count that this share of days stays at or below; by halving, for a count may
        be in the thousands."""
        below, reached = -1, int(10 * self.mean) + 20
        while reached - below > 1:
            middle = (below + reached) // 2
            if self.tails(middle)[0] >= share:
                reached = middle
            else:
                below = middle
        return float(reached)


def count_model(counts: Ints) -> CountModel:
    """Fit to a baseline of counts, one a day; their mean must be above 0."""
    mean = float(counts.mean())
    error = np.sqrt(max(float(counts.var()), mean) / counts.size) / mean
    means = np.repeat(mean * np.exp(np.linspace(-2, 2, 7) * min(error, 0.5)), _SIZES.size)
    sizes = np.tile(_SIZES, 7)
    k = counts[:, None]
    fit = np.sum(
        gammaln(k + sizes)
        - gammaln(sizes)
        - gammaln(k + 1)
        + sizes * np.log(sizes / (sizes + means))
        + xlogy(k, means / (sizes + means)),
        axis=0,
    )
    return CountModel(mean=mean, means=means, sizes=sizes, weights=_normalised(fit))


@dataclass(frozen=True, kw_only=True)
class ShareModel:
    """So many of so many: beta-binomial, as the share itself differs from day to day."""

    rate: float
    alphas: Floats
    betas: Floats
    weights: Floats

    def tail(self, hits: int, total: int) -> float:
        """The probability of `hits` or more of `total`."""
        if hits <= 0:
            return 1.0
        if total > _EXACT_RUNS:
            at = np.full(self.alphas.size, (hits - 0.5) / total)
            return float(self.weights @ (1 - betainc(self.alphas, self.betas, at)))
        k = np.arange(hits, total + 1)[:, None]
        choose = gammaln(total + 1) - gammaln(k + 1) - gammaln(total - k + 1)
        beta = betaln(k + self.alphas, total - k + self.betas) - betaln(self.alphas, self.betas)
        return min(float(self.weights @ np.exp(choose + beta).sum(axis=0)), 1.0)

    def bounds(self, total: int) -> tuple[float, float, float]:
        """The expected number of `total`, and the range that holds 95 % of usual days."""
        low = high = 0
        while high < total and self.tail(high + 1, total) > 0.025:
            high += max(total // 200, 1)
        while low < total and 1 - self.tail(low + 1, total) < 0.025:
            low += max(total // 200, 1)
        return self.rate * total, float(low), float(min(high, total))


def share_model(hits: Ints, totals: Ints) -> ShareModel:
    """Fit to a baseline of days with at least one run each."""
    rate = (float(hits.sum()) + 0.5) / (float(totals.sum()) + 1)
    logits = np.log(rate / (1 - rate)) + _LOGITS
    rates = np.repeat(1 / (1 + np.exp(-logits)), _CONCENTRATIONS.size)
    strengths = np.tile(_CONCENTRATIONS, _LOGITS.size)
    alphas, betas = rates * strengths, (1 - rates) * strengths
    k, n = hits[:, None], totals[:, None]
    fit = np.sum(betaln(k + alphas, n - k + betas) - betaln(alphas, betas), axis=0)
    weights = _normalised(fit)
    return ShareModel(rate=float(weights @ rates), alphas=alphas, betas=betas, weights=weights)


def absence(days: int, present: int) -> float:
    """The probability that a processor is absent on one more day like these.

    A processor that never missed one of `days` is either one that runs on all of them (four in
    five, and misses one in ten thousand) or one that may miss (Beta(½, ½)).
    """
    # Γ-function form of the chance of no miss in `days`, and of one in the next, under Beta(½, ½)
    irregular = 0.2 * np.exp(betaln(present + 0.5, days - present + 0.5) - betaln(0.5, 0.5))
    misses = (days - present + 0.5) / (days + 1)
    regular = 0.8 * (1 - _MISSED) ** present * _MISSED ** (days - present)
    return float((irregular * misses + regular * _MISSED) / (irregular + regular))


def _quantile90(residuals: Floats) -> float:
    return float(np.quantile(np.abs(residuals), 0.9))


def _log_student(z: Floats, degrees: Floats) -> Floats:
    half = (degrees + 1) / 2
    constant = gammaln(half) - gammaln(degrees / 2) - 0.5 * np.log(degrees * np.pi)
    return np.asarray(constant - half * np.log1p(z * z / degrees))


def _normalised(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())
