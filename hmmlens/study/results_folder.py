"""Print the folder of a study's results: ``python -m hmmlens.study.results_folder CONFIG``."""

from __future__ import annotations

import sys

from hmmlens.errors import ConfigError
from hmmlens.io.yaml_files import read_yaml
from hmmlens.study import jobs


def main(arguments: list[str]) -> int:
    """Print the folder, or on stderr why there is none.

    Parameters
    ----------
    arguments : list of str
        The path of the config file.

    Returns
    -------
    int
        Exit status.
    """
    (path,) = arguments
    try:
        print(f"results/{jobs.load(read_yaml(path), path).study}")
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
