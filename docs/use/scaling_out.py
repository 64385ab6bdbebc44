"""
Scaling out: many processes, many machines
==========================================

How do I spread a search over a cluster, and what do I set on a machine that I share?

*The parts on Dask need* ``pip install "dask[distributed]"``, *the part on Ray*
``pip install ray``. *They are skipped where the package is missing. What the page
prints with both then stands at its end.*
"""

# %%
# What is worth spreading
# -----------------------
#
# One fit runs in one process. What spreads well is many fits that do not depend on each
# other: the candidates and folds of a search, the folds of ``cross_val_score``, the
# eight members of a ``TabularMLPClassifier``. scikit-learn hands them to joblib, and
# joblib hands them to whatever you tell it to: processes of this machine, a Dask
# cluster, Ray. With an int as ``random_state`` the results are the same everywhere, up
# to rounding. They are the same to the bit if every machine is of the same kind, and
# has the same BLAS (NumPy's library for linear algebra) and the same number of threads
# for it: another processor or another number of threads may add the numbers of a
# product in another order.
#
# Here is a search, first in this process, to compare with.

import atexit
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, ParameterGrid, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp_scratch import ScratchMLPClassifier, TabularMLPClassifier

HAS_DASK = bool(importlib.util.find_spec("distributed"))

X, y = load_digits(return_X_y=True)
model = make_pipeline(
    MinMaxScaler(),
    ScratchMLPClassifier(learning_rate="one_cycle", max_iter=30, random_state=0),
)
GRID = {
    "scratchmlpclassifier__learning_rate_init": [0.003, 0.01, 0.03],
    "scratchmlpclassifier__hidden_layer_sizes": [(50,), (100,), (50, 50)],
}
search = GridSearchCV(model, GRID, cv=4, n_jobs=2)


def scores_of(fitted):
    """Return the accuracy of every candidate in every fold."""
    return np.array(
        [fitted.cv_results_[f"split{fold}_test_score"] for fold in range(4)]
    )


serial = clone(search).set_params(n_jobs=1).fit(X, y)
print(f"best accuracy: {serial.best_score_:.4f}")

# %%
# The cores of one machine
# ------------------------
#
# ``n_jobs=2`` is enough; joblib starts two processes by its backend *loky*. Data of
# more than 1 MB are written to a file that all of them map, so memory does not grow
# with the number of processes. Each process gets its share of the cores for linear
# algebra, which is one thread if there are as many processes as cores.

local = clone(search).fit(X, y)
print("local processes, equal:", np.array_equal(scores_of(local), scores_of(serial)))

# %%
# A Dask cluster
# --------------
#
# A cluster of `Dask <https://distributed.dask.org>`_ has one scheduler and many
# workers, each a process, here or elsewhere. On a real cluster you start them by the
# tool of your site (``dask-jobqueue`` for Slurm, ``dask-kubernetes``), or by hand::
#
#     dask scheduler                                     # on one machine
#     dask worker tcp://that-machine:8786 --nthreads 1   # on each of the others
#
# and connect with ``Client("tcp://that-machine:8786")``. This package has to be
# installed on all of them, in one version. ``--nthreads 1`` means one task at a time.
#
# So that this page can be tried anywhere, it starts a scheduler and two workers on this
# machine. They find each other by a file, and end with the page.

folder = Path(tempfile.mkdtemp())


def start(*command):
    """Start a process of the cluster; its messages go to a file."""
    options = "--no-dashboard", "--scheduler-file", folder / "cluster.json"
    with (folder / f"{command[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command, *options],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
        )
    atexit.register(stop, process)
    return process


def stop(process):
    """Kill a process, and wait until it is gone."""
    process.kill()
    process.wait()


if HAS_DASK:
    from dask.distributed import Client

    start("scheduler", "--host", "127.0.0.1", "--port", "0")
    workers = [start("worker", "--nthreads", "1", "--no-nanny") for _ in range(2)]
    client = Client(scheduler_file=folder / "cluster.json")
    client.wait_for_workers(2, timeout=60)
else:
    print("distributed is not installed: the parts on Dask are skipped.")

# %%
# Now tell joblib. ``scatter`` sends the data to the workers once, instead of with every
# task. ``n_jobs`` has to be other than 1, for joblib to spread anything; how many tasks
# run at a time is up to the cluster.

if HAS_DASK:
    with joblib.parallel_config("dask", scatter=[X, y]):
        on_dask = clone(search).fit(X, y)
    print("Dask, equal:", np.array_equal(scores_of(on_dask), scores_of(serial)))

# %%
# The members of an ensemble are spread in the same way:

ensemble = TabularMLPClassifier(n_jobs=2, random_state=0)
here = clone(ensemble).set_params(n_jobs=1).fit(X, y)

if HAS_DASK:
    with joblib.parallel_config("dask"):
        there = clone(ensemble).fit(X, y)
    same = np.array_equal(there.predict_proba(X), here.predict_proba(X))
    print("an ensemble on Dask, equal:", same)

# %%
# Callbacks work there, too; :doc:`the page on callbacks </callbacks>` says what is lost
# of a ``ScoringMonitor``.
#
# Workers that come and go
# ------------------------
#
# On machines that may be taken away from you, do not use joblib's backend. It keeps
# some data, such as the row numbers of a fold, on one worker only. If that one dies,
# the search may end with a ``FutureCancelledError`` (joblib 1.6, distributed 2026.8).
#
# Hand candidates to Dask yourself instead: a task then carries all that it needs, and
# Dask gives it to another worker. Here we kill one, as soon as the first candidate is
# done.


def evaluate(parameters):
    """Return the accuracy of a candidate in every fold."""
    return cross_val_score(clone(model).set_params(**parameters), X, y, cv=4)


if HAS_DASK:
    candidates = list(ParameterGrid(GRID))
    futures = client.map(evaluate, candidates, pure=False)
    first_done = threading.Event()
    futures[0].add_done_callback(lambda _: first_done.set())
    first_done.wait(timeout=60)
    stop(workers[0])
    unfinished = sum(not future.done() for future in futures)
    print(
        f"a worker is killed, {unfinished} of {len(futures)} candidates are unfinished"
    )

    accuracies = np.array(client.gather(futures)).T
    print("workers left:", len(client.scheduler_info()["workers"]))
    print("nothing lost, equal:", np.array_equal(accuracies, scores_of(serial)))
    print("best:", candidates[accuracies.mean(axis=0).argmax()])
    client.close()

# %%
# ``X`` and ``y`` travel with the function here. If they are large, let the function
# read them from a disk that all machines share.
#
# Ray
# ---
#
# `Ray <https://docs.ray.io>`_ has a backend for joblib, too. ``ray.init()`` starts a
# cluster on this machine, ``ray.init(address="auto")`` joins one that is there. This
# backend has no ``scatter``: ``X`` and ``y`` travel with the tasks. Again first the
# search, then the members of an ensemble:

if importlib.util.find_spec("ray"):
    import ray
    from ray.util.joblib import register_ray

    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    register_ray()
    with joblib.parallel_config("ray"):
        on_ray = clone(search).fit(X, y)
        there = clone(ensemble).fit(X, y)
    ray.shutdown()
    print("Ray, equal:", np.array_equal(scores_of(on_ray), scores_of(serial)))
    same = np.array_equal(there.predict_proba(X), here.predict_proba(X))
    print("an ensemble on Ray, equal:", same)
else:
    print("Ray is not installed: this part was skipped.")

# %%
# A shared machine, a container
# -----------------------------
#
# Linear algebra may use several threads in each process. A fit takes as many as its
# largest matrix product is worth, and no more than the process may use cores, by its
# affinity and its container's quota. That is good for one fit on a machine of your own.
#
# **On a shared machine** set ``OMP_NUM_THREADS=1`` (for OpenBLAS and MKL, too) before
# Python starts. The threads of a product wait for each other, and if another program
# has taken the core of one, all wait: :doc:`the page on performance </performance>` has
# measured what that costs. Within a program,
# ``threadpoolctl.threadpool_limits(1, user_api="blas")`` does the same.
#
# **In a container** with a quota, joblib and this package read it. NumPy's BLAS does
# not: for all else that you compute, it starts as many threads as it sees cores.
# ``OMP_NUM_THREADS`` helps there, too.
#
# **Shared memory**: joblib puts large arrays into ``/dev/shm`` if 2 GB are free there,
# else into the folder for temporary files, which must have room for them. Set
# ``JOBLIB_TEMP_FOLDER`` to choose another one. Ray keeps its objects in ``/dev/shm``,
# too, which has 64 MB in Docker: start the container with ``--shm-size=8g``, say.
#
# **Two levels of parallel work**, a search with ``n_jobs`` over an ensemble with
# ``n_jobs``, are one too many. Give ``n_jobs`` to the outer one.

print("cores that this process may use:", joblib.cpu_count())

# %%
# .. only:: not (distributed and ray)
#
#    With Dask and Ray, on two cores, the page prints (how many candidates are
#    unfinished varies):
#
#    .. code-block:: text
#
#       best accuracy: 0.9505
#       local processes, equal: True
#       Dask, equal: True
#       an ensemble on Dask, equal: True
#       a worker is killed, 7 of 9 candidates are unfinished
#       workers left: 1
#       nothing lost, equal: True
#       best: {'scratchmlpclassifier__hidden_layer_sizes': (50, 50), ...}
#       Ray, equal: True
#       an ensemble on Ray, equal: True
#       cores that this process may use: 2
