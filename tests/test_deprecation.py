import inspect
import sys
import types
import warnings

import pytest

from hmmlens.deprecation import renamed_names, renamed_parameters


@renamed_parameters(seed="random_state", n_iter="max_iter")
def sample(n_samples, random_state=0, max_iter=5):
    return n_samples, random_state, max_iter


class Estimator:
    @renamed_parameters(seed="random_state")
    def __init__(self, n_states=1, *, random_state=0):
        self.n_states, self.random_state = n_states, random_state


def test_new_names_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sample(3, 7, max_iter=9) == (3, 7, 9)
        assert Estimator(2, random_state=4).random_state == 4


def test_old_names_warn_at_the_line_of_the_caller():
    with pytest.warns(DeprecationWarning, match="'seed' is deprecated; use 'random_state'") as seen:
        assert sample(3, seed=7) == (3, 7, 5)
    assert [one.filename for one in seen] == [__file__]
    with pytest.warns(DeprecationWarning) as seen:
        assert sample(n_iter=2, seed=7, n_samples=1) == (1, 7, 2)
    assert len(seen) == 2


def test_a_constructor_is_named_by_its_class():
    with pytest.warns(DeprecationWarning, match="^Estimator: the parameter 'seed'"):
        assert Estimator(seed=3).random_state == 3


def test_the_signature_holds_the_new_names():
    assert list(inspect.signature(sample).parameters) == ["n_samples", "random_state", "max_iter"]
    assert list(inspect.signature(Estimator).parameters) == ["n_states", "random_state"]


def test_both_names_together_are_refused():
    with pytest.raises(TypeError, match="'seed' is the old name of 'random_state'"):
        sample(3, seed=1, random_state=2)
    with pytest.warns(DeprecationWarning), pytest.raises(TypeError, match="multiple values"):
        sample(3, 2, seed=1)


def test_old_names_of_a_module_resolve_to_the_new_ones(monkeypatch):
    module = types.ModuleType("a_module")
    module.New = object()
    module.__getattr__ = renamed_names("a_module", {"Old": "New"})
    monkeypatch.setitem(sys.modules, "a_module", module)
    with pytest.warns(DeprecationWarning, match=r"a_module\.Old is deprecated; use New"):
        assert module.Old is module.New
    with pytest.raises(AttributeError, match="'a_module' has no attribute 'Other'"):
        _ = module.Other
