"""Names in a study's settings that results of the study already have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hmmlens.study import rules as tables


def problems(
    rules: Mapping[str, tables.Rule], wildcard: str, names: Iterable[str], path: str
) -> list[str]:
    """Return a sentence for each name that a file, a folder or a control of a study already has.

    Parameters
    ----------
    rules : mapping of str to Rule
        Rules of the kind of study, such as ``rules.EXPLAINING``.
    wildcard : str
        Wildcard that the names are values of, such as ``network``.
    names : iterable of str
        Names in the order of the settings.
    path : str
        Their place in the settings, such as ``networks``.

    Returns
    -------
    list of str
        The sentences, in the order of the names.
    """
    taken = tables.reserved(rules, wildcard)
    return [
        f"{path}.{name}: the name {name!r} is reserved for results of the study; call it "
        f"something else, such as {name}-{wildcard}"
        for name in names
        if name in taken
    ]


def layer_problems(layers: list[str], path: str) -> list[str]:
    """Return a sentence for each layer that is named twice, or whose name is reserved.

    Parameters
    ----------
    layers : list of str
        Names of the layers of one network, which may hold capitals.
    path : str
        Their place in the settings.

    Returns
    -------
    list of str
        The sentences, in the order of the layers.
    """
    # Many file systems take names that differ only in capitals for one.
    taken = {name.casefold() for name in tables.reserved(tables.EXPLAINING, "layer")}
    sentences = []
    for i, name in enumerate(layers):
        alike = [former for former in layers[:i] if former.casefold() == name.casefold()]
        if name in alike:
            sentences.append(f"{path}[{i}]: the layer {name!r} is named twice; leave one out")
        elif alike:
            sentences.append(
                f"{path}[{i}]: the layers {alike[0]!r} and {name!r} differ only in capitals, and "
                "the results of both would have the same folder on many file systems; rename one "
                "of them in the network"
            )
        elif name.casefold() in taken:
            sentences.append(
                f"{path}[{i}]: the name {name!r} is reserved for results of the study; rename the "
                f"layer in the network, such as {name}_layer"
            )
    return sentences
