"""Cross-validation on workers of other engines gives the scores of the serial run."""

import contextlib

import joblib
import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler

from skgenex import DiffusionSampler, PhenotypeClassifier
from skgenex.datasets import make_expression
from skgenex.generation import multiply


@contextlib.contextmanager
def dask_workers():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
        yield


@contextlib.contextmanager
def ray_workers():
    ray = pytest.importorskip("ray")
    register_ray = pytest.importorskip("ray.util.joblib").register_ray
    register_ray()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with joblib.parallel_config("ray", n_jobs=2):
            yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def loky_workers():
    with joblib.parallel_config("loky", n_jobs=2):
        yield


def scores():
    """Scores of a pipeline and of a grid search."""
    X, y = make_expression(60, 30, random_state=0, return_X_y=True)
    sampler = DiffusionSampler(
        sampling_strategy=multiply(2), max_epochs=2, random_state=0, device="cpu"
    )
    pipeline = make_pipeline(StandardScaler(), sampler, LogisticRegression())
    by_fold = cross_val_score(pipeline, X, y, cv=3, error_score="raise")
    search = GridSearchCV(
        PhenotypeClassifier(max_epochs=2, random_state=0, device="cpu"),
        {"n_hidden": [4, 8]},
        scoring="neg_log_loss",
        cv=2,
        error_score="raise",
    ).fit(X, y)
    return np.concatenate([by_fold, search.cv_results_["mean_test_score"]])


# The engines' own clean-up warns; the scores are what is tested.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [loky_workers, dask_workers, ray_workers])
def test_workers_give_the_scores_of_the_serial_run(workers):
    alone = scores()
    with workers():
        np.testing.assert_allclose(scores(), alone, rtol=1e-12)
