"""Public docstrings follow numpydoc, and what two estimators share reads alike."""

import ast
import importlib
import inspect
import pkgutil
import re

import pytest
from helpers import ESTIMATORS

import skmlp_scratch
from skmlp_scratch import callbacks, exceptions, nn, summary
from skmlp_scratch._estimator.solvers import SOLVERS
from skmlp_scratch.nn.activations import ACTIVATIONS
from skmlp_scratch.nn.initializers import INITIALIZERS
from skmlp_scratch.nn.losses import REGRESSION_LOSSES
from skmlp_scratch.nn.schedules import SCHEDULES

docscrape = pytest.importorskip("numpydoc.docscrape")
validate = pytest.importorskip("numpydoc.validate").validate

# The checks of numpydoc that are left out, and why.
LEFT_OUT = {
    "ES01": "a summary of one sentence is enough where it says all",
    "EX01": "the examples of the classes call their methods",
    "RT02": "what is returned has a name, as in scikit-learn",
    "SA01": "the methods of a class, and the errors, stand together on one page",
}
# In the engine, too: there it is read with the code. What ``forward`` and its like take
# and return, with shapes, is described once, in nn/typing.py.
LEFT_OUT_IN_THE_ENGINE = LEFT_OUT | {
    "PR01": "a function of a few lines names its arguments in its sentence",
    "RT01": "and what it returns",
    "YD01": "and what it yields",
}

# What a classifier and its regressor describe differently, and why.
DIFFERENT = {
    "ScratchMLP": {
        "hidden_layer_sizes": "without hidden layers they are different linear models",
        "early_stopping": "only labels have a stratified split",
        "weight_init": "the output layers differ in their first weights and biases",
        "monitor": "accuracy or R^2",
        "n_outputs_": "one per class or one per column of y",
        "out_activation_": "softmax or identity",
        "loss_curve_": "only a classifier has smoothed labels",
        "validation_scores_": "accuracy or R^2",
        "fit Parameters y": "labels or values",
        "partial_fit Parameters y": "labels or values",
        "partial_fit Raises ValueError": "only a classifier has `classes`",
        "predict Returns y": "labels or values",
        "to_sklearn Returns model": "only a regressor has a choice of losses",
        "to_sklearn Raises ValueError": "only a regressor has quantiles",
    },
    "TabularMLP": {
        "oob_score_": "accuracy or R^2",
        "predict Returns y": "labels or values",
    },
}


def public_methods(cls):
    """Yield the methods and properties that are not scikit-learn's own."""
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        function = member.fget if isinstance(member, property) else getattr(cls, name)
        module = getattr(function, "__module__", None) or ""
        if not name.startswith("_") and module.startswith(skmlp_scratch.__name__):
            yield name


def public_names():
    for module in (skmlp_scratch, nn):
        for name in module.__all__:
            path = f"{module.__name__}.{name}"
            yield path
            if inspect.isclass(value := getattr(module, name)):
                yield from (f"{path}.{method}" for method in public_methods(value))
    # scikit-learn calls their methods, not the user.
    yield from (f"{callbacks.__name__}.{name}" for name in callbacks.__all__)
    result = summary.TrainingSummary
    path = f"{result.__module__}.{result.__name__}"
    yield from (path, *(f"{path}.{method}" for method in public_methods(result)))
    for name, value in vars(exceptions).items():
        if inspect.isclass(value) and value.__module__ == exceptions.__name__:
            yield f"{exceptions.__name__}.{name}"


def engine_names():
    """Yield what the modules of the engine define: all have their pages."""
    for module in pkgutil.iter_modules(nn.__path__, f"{nn.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.startswith("_") or getattr(value, "__module__", "") != module.name:
                continue
            if inspect.isclass(value):
                yield from (f"{module.name}.{name}.{own}" for own in own_methods(value))
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{module.name}.{name}"


def own_methods(cls):
    for name, value in vars(cls).items():
        if not name.startswith("_") and inspect.isroutine(value):
            yield name


def split_names(section):
    """Yield (name, type, text) of each entry; two names may share one."""
    for entry in section:
        for name in (entry.name or entry.type).split(", "):
            yield name, entry.type, " ".join(entry.desc)


def descriptions(cls):
    """Return what the class says of its parameters, attributes and methods."""
    found = {}
    docs = docscrape.ClassDoc(cls)
    for section in ("Parameters", "Attributes"):
        for name, kind, text in split_names(docs[section]):
            found[name] = f"{kind}: {text}"
    for method in public_methods(cls):
        docs = docscrape.FunctionDoc(getattr(cls, method))
        for section in ("Parameters", "Returns", "Raises"):
            for name, kind, text in split_names(docs[section]):
                found[f"{method} {section} {name}"] = f"{kind}: {text}"
    return found


def normalized(description):
    text = re.sub(r"(?<=MLP)(Classifier|Regressor)", "", description)
    return " ".join(text.split())


def pairs():
    for name in skmlp_scratch.__all__:
        twin = name.removesuffix("Classifier") + "Regressor"
        if name.endswith("Classifier") and twin in skmlp_scratch.__all__:
            yield name.removesuffix("Classifier")


@pytest.mark.parametrize("path", list(public_names()))
def test_numpydoc_finds_nothing(path):
    errors = [error for error in validate(path)["errors"] if error[0] not in LEFT_OUT]
    assert errors == []


@pytest.mark.parametrize("path", list(engine_names()))
def test_numpydoc_finds_little_in_the_engine(path):
    is_contract_method = re.search(r"nn\.typing\.\w+\.", path)
    left_out = LEFT_OUT if is_contract_method else LEFT_OUT_IN_THE_ENGINE
    errors = validate(path)["errors"]
    assert [error for error in errors if error[0] not in left_out] == []


def test_the_checks_left_out_would_find_something():
    found = {error[0] for path in public_names() for error in validate(path)["errors"]}
    assert found >= set(LEFT_OUT)


@pytest.mark.parametrize("prefix", list(pairs()))
def test_a_classifier_and_its_regressor_describe_the_same_alike(prefix):
    ours = descriptions(getattr(skmlp_scratch, f"{prefix}Classifier"))
    theirs = descriptions(getattr(skmlp_scratch, f"{prefix}Regressor"))
    shared = ours.keys() & theirs.keys()
    unlike = {key for key in shared if normalized(ours[key]) != normalized(theirs[key])}
    # An entry that no longer differs must leave the list.
    assert unlike == set(DIFFERENT[prefix])


# What the value of a parameter may be.
OPTIONS = {
    "activation": ACTIVATIONS,
    "learning_rate": SCHEDULES,
    "loss": REGRESSION_LOSSES,
    "solver": SOLVERS,
    "weight_init": INITIALIZERS,
}


@pytest.mark.parametrize(
    ("estimator_class", "parameter"),
    [
        (estimator_class, parameter)
        for estimator_class in ESTIMATORS
        for parameter in OPTIONS
        if parameter in estimator_class().get_params()
    ],
)
def test_documented_options_are_those_of_the_tables(estimator_class, parameter):
    entries = docscrape.ClassDoc(estimator_class)["Parameters"]
    (kind,) = [entry.type for entry in entries if entry.name == parameter]
    documented = re.findall(r"'(\w+)'", kind.partition("}")[0])
    assert documented == [*OPTIONS[parameter]]


@pytest.mark.parametrize(
    "documented_object",
    [
        getattr(module, name)
        for module in (skmlp_scratch, callbacks)
        for name in module.__all__
    ],
)
def test_documented_defaults_are_those_of_the_signature(documented_object):
    signature = inspect.signature(documented_object).parameters
    documented = {}
    for entry in docscrape.get_doc_object(documented_object)["Parameters"]:
        names = entry.name.split(", ")
        defaults = entry.type.partition("default=")[2].split(" and ")
        values = [
            ast.literal_eval(d) if d else inspect.Parameter.empty for d in defaults
        ]
        documented |= zip(names, values, strict=True)
    assert documented == {key: value.default for key, value in signature.items()}
