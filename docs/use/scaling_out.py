"""
Scaling out: many processes, many machines
==========================================

How do I spread a search over a cluster, and what do I set on a machine that I share?

*The part on Dask needs* ``pip install "dask[distributed]"``, *the part on Ray*
``pip install ray``. *Both are skipped where the package is missing. This page is not
run while the documentation is built; what it prints stands at its end.*
"""

# %%
# What is worth spreading
# -----------------------
#
# One fit runs in one process. What spreads well is many fits that do not depend on each
# other: the candidates and folds of a search, the folds of ``cross_val_score``, the
# eight members of a ``TabularMLPClassifier``. scikit-learn hands them to joblib, and
# joblib hands them to whatever you tell it to: processes of this machine, a Dask cluster,
# Ray. The results are the same everywhere, to the bit, if ``random_state`` is an int and
# the machines are of one kind.
#
# Here is a search, first in this process, to compare with.

import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp_scratch import ScratchMLPClassifier, TabularMLPClassifier

X, y = load_digits(return_X_y=True)
search = GridSearchCV(
    make_pipeline(
        MinMaxScaler(),
        ScratchMLPClassifier(learning_rate="one_cycle", max_iter=30, random_state=0),
    ),
    {
        "scratchmlpclassifier__learning_rate_init": [0.003, 0.01, 0.03],
        "scratchmlpclassifier__hidden_layer_sizes": [(50,), (100,), (50, 50)],
    },
    cv=4,
    n_jobs=2,
)


def compare(name, fitted):
    """Print whether all scores of a search are those of the serial one."""
    same = all(
        np.array_equal(fitted.cv_results_[key], serial.cv_results_[key])
        for key in serial.cv_results_
        if key.endswith("_test_score")
    )
    print(f"{name}: best {fitted.best_score_:.4f}, all scores equal: {same}")


serial = clone(search).set_params(n_jobs=1).fit(X, y)
compare("one process", serial)

# %%
# The cores of one machine
# ------------------------
#
# ``n_jobs=2`` is enough; joblib starts two processes by its backend *loky*. Data of more
# than 1 MB are written to a file that all of them map, so memory does not grow with the
# number of processes. Each process gets its share of the cores for linear algebra, which
# is one thread if there are as many processes as cores.

compare("joblib's own processes", clone(search).fit(X, y))

# %%
# A Dask cluster
# --------------
#
# A cluster of `Dask <https://distributed.dask.org>`_ has one scheduler and many workers,
# each a process, here or elsewhere. On a real cluster you start them by the tool of your
# site (``dask-jobqueue`` for Slurm, ``dask-kubernetes``), or by hand::
#
#     dask scheduler                                     # on one machine
#     dask worker tcp://that-machine:8786 --nthreads 1   # on each of the others
#
# This package has to be installed on each of them, in the same version. We start all
# three processes on this machine, and let the workers find the scheduler by a file.
# ``--nthreads 1`` means one task at a time per worker.

folder = Path(tempfile.mkdtemp())


def start(*command):
    """Start a process of the cluster; its messages go to a file."""
    with (folder / f"{command[0]}.log").open("ab") as log:
        command = [sys.executable, "-m", "dask", *command, "--no-dashboard"]
        return subprocess.Popen(
            [*command, "--scheduler-file", folder / "cluster.json"],
            stdout=log,
            stderr=log,
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )


def with_dask():
    """Search, fit an ensemble, and lose a worker on the way."""
    from dask.distributed import Client

    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0")
    options = ("--nthreads", "1", "--no-nanny")
    workers = [start("worker", *options) for _ in range(2)]
    try:
        with Client(scheduler_file=folder / "cluster.json") as client:
            client.wait_for_workers(2, timeout=60)

            # The data go to the workers once, instead of with every task.
            with joblib.parallel_config("dask", scatter=[X, y]):
                compare("Dask", clone(search).fit(X, y))

            # The members of an ensemble are spread in the same way.
            ensemble = TabularMLPClassifier(n_jobs=2, random_state=0)
            here = clone(ensemble).set_params(n_jobs=1).fit(X, y)
            with joblib.parallel_config("dask"):
                there = clone(ensemble).fit(X, y)
            same = np.array_equal(there.predict_proba(X), here.predict_proba(X))
            print("an ensemble on Dask, equal probabilities:", same)

            # A worker dies in the middle; the other one does its tasks again.
            loss = threading.Timer(0.5, workers[0].kill)
            with joblib.parallel_config("dask", scatter=[X, y]):
                fitting = clone(search)
                loss.start()
                fitting.fit(X, y)
            compare("Dask, a worker killed", fitting)
            left = len(client.scheduler_info()["workers"])
            print(f"{left} worker left, exit code of the other: {workers[0].wait()}")
    finally:
        for process in (*workers, scheduler):
            process.terminate()
            process.wait()


if importlib.util.find_spec("distributed"):
    with_dask()
else:
    print("dask is not installed: this part was skipped.")

# %%
# ``scatter`` is worth it for large data. ``n_jobs`` has to be larger than 1, or -1, for
# joblib to spread anything; how many tasks run at a time is up to the cluster.
#
# Callbacks work there; see :doc:`/callbacks` for what is lost of a ``ScoringMonitor``.
#
# For data that are larger than the memory of one machine, see the blocks of a Dask array
# in :doc:`/auto_use/plot_streaming`.
#
# Ray
# ---
#
# `Ray <https://docs.ray.io>`_ has a backend for joblib, too. ``ray.init()`` starts a
# cluster on this machine, ``ray.init(address="auto")`` joins one that is there.


def with_ray():
    """Search on Ray."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with joblib.parallel_config("ray"):
            compare("Ray", clone(search).fit(X, y))
    finally:
        ray.shutdown()


if importlib.util.find_spec("ray"):
    with_ray()
else:
    print("ray is not installed: this part was skipped.")

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
# has taken the core of one, all wait: :doc:`/performance` has measured what that costs.
# Within a program,
# ``threadpoolctl.threadpool_limits(1, user_api="blas")`` does the same.
#
# **In a container** with a quota, joblib and this package read it. NumPy's BLAS does not:
# it starts as many threads as the machine has cores. ``OMP_NUM_THREADS`` helps there,
# too. Say ``n_jobs=2`` rather than ``-1``, if you know what you are allowed.
#
# **A small /dev/shm**, as Docker has it with 64 MB: joblib puts large arrays there. Set
# ``JOBLIB_TEMP_FOLDER`` to a folder on a disk, or start with ``--shm-size=1g``.
#
# **Two levels of parallel work**, a search with ``n_jobs`` over an ensemble with
# ``n_jobs``, are one too many. Give ``n_jobs`` to the outer one.
#
# **Many small fits**: a task should take longer than it takes to send it. Below a tenth
# of a second, one process is often as quick.

print("cores that this process may use:", joblib.cpu_count())
start_time = time.perf_counter()
clone(search).set_params(n_jobs=1, refit=False).fit(X, y)
n_fits = len(serial.cv_results_["params"]) * search.cv
print(f"a fit takes {(time.perf_counter() - start_time) / n_fits:.2f} s")
