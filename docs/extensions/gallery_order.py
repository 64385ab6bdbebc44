"""The order of the pages in the galleries.

Learn is read from plot_01 on. Use begins with what everybody needs; a page that is not
named here comes last.
"""

USE = (
    "plot_first_pipeline.py",
    "plot_choose_settings.py",
    "plot_tune.py",
    "plot_mnist.py",
    "plot_regression.py",
    "plot_imbalanced.py",
    "plot_mixed_columns.py",
    "plot_sparse_text.py",
    "plot_multilabel.py",
    "plot_streaming.py",
    "plot_watch_stop_resume.py",
    "plot_save_and_deploy.py",
    "plot_calibrated.py",
    "plot_explain.py",
    "scaling_out.py",
)


def position(filename):
    """Return what to sort a page by."""
    return (USE.index(filename) if filename in USE else len(USE), filename)
