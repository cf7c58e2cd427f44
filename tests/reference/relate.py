"""Expected numbers of correlation, ROC curves and calibration, as scikit-learn and scipy have them.

    venv/bin/pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
    venv/bin/python relate.py > relate.json

Inputs and answers go into one file, which the tests of `strandscope-genome` read.
"""

import json
import sys

import numpy as np
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

BINS = 7
PRECISION = 0.7
LAGS = 5


def case(name, scores, labels):
    false_positive, true_positive, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)
    precision, recall, cuts = metrics.precision_recall_curve(labels, scores)
    f1 = [metrics.f1_score(labels, scores >= cut) for cut in cuts]
    good = [at for at in range(len(cuts)) if precision[at] >= PRECISION and recall[at] > 0]
    share, mean = calibration_curve(labels, scores, n_bins=BINS)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], scores), minlength=BINS)
    filled = counts[counts > 0]
    youden = true_positive - false_positive
    return {
        "name": name,
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "auroc": metrics.roc_auc_score(labels, scores),
        "auprc": metrics.average_precision_score(labels, scores),
        "points": len(thresholds),
        "youden": float(youden.max()),
        "f1": float(max(f1)),
        "recall_at_precision": float(max((recall[at] for at in good), default=0.0)),
        "mean_scores": mean.tolist(),
        "positive_shares": share.tolist(),
        "counts": counts.tolist(),
        "calibration_error": float((filled * abs(share - mean)).sum() / filled.sum()),
    }


def lagged(a, b):
    answers = []
    for lag in range(-LAGS, LAGS + 1):
        pairs = [(a[at], b[at + lag]) for at in range(len(a)) if 0 <= at + lag < len(b)]
        pairs = np.array([pair for pair in pairs if np.isfinite(pair).all()])
        answers.append(float(stats.pearsonr(pairs[:, 0], pairs[:, 1]).statistic))
    return answers


def main():
    rng = np.random.default_rng(5)
    cases = []
    for name, count, steps in [("few", 12, 10), ("ties", 120, 20), ("distinct", 120, None), ("weak", 80, 50)]:
        scores = rng.random(count)
        if steps:
            scores = np.round(scores * steps) / steps
        noise = 1.0 if name == "weak" else 0.3
        labels = scores + noise * rng.standard_normal(count) > 0.6
        cases.append(case(name, scores, labels))
    a = np.round(np.cumsum(rng.standard_normal(90)), 3)
    b = np.round(np.roll(a, 3) + rng.standard_normal(90), 1)
    a[[4, 5, 6, 40]] = np.nan
    b[[5, 60, 61, 89]] = np.nan
    both = np.isfinite(a) & np.isfinite(b)
    pairs = {
        "a": [None if np.isnan(value) else value for value in a.tolist()],
        "b": [None if np.isnan(value) else value for value in b.tolist()],
        "pearson": float(stats.pearsonr(a[both], b[both]).statistic),
        "spearman": float(stats.spearmanr(a[both], b[both]).statistic),
        "lagged": lagged(a, b),
    }
    json.dump({"bins": BINS, "precision": PRECISION, "pairs": pairs, "cases": cases}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
