"""Build the optional compiled kernel of the E-step; all else is in pyproject.toml.

The kernel needs Linux on x86-64 and GCC or Clang. Where it cannot be built, the installation goes
on without it and the E-step runs in NumPy.
"""

import platform
import sys

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

FOLDER = "hmmlens/hmm/engine/kernel"
#: Levels of x86-64 that the kernel is compiled for.
LEVELS = ("v3", "v4")


class BuildKernel(build_ext):
    """Name libraries without Python's version, of which they are independent."""

    def get_ext_filename(self, ext_name: str) -> str:
        """Return the path of a library."""
        return ext_name.replace(".", "/") + ".so"


class TagWheel(bdist_wheel):
    """Tag wheels as what they are: for a platform, and for every Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tags of Python, its binary interface, and the platform."""
        return "py3", "none", super().get_tag()[2]


# -ffast-math is not needed, and at link time it would set flags of the processor for the whole
# process.
kernel = [
    Extension(
        f"{FOLDER.replace('/', '.')}.estep_{level}",
        [f"{FOLDER}/estep.cpp"],
        language="c++",
        optional=True,
        extra_compile_args=[
            *("-std=c++17", "-O3", f"-march=x86-64-{level}", "-mprefer-vector-width=512"),
            *("-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-g0"),
        ],
        extra_link_args=["-Wl,--as-needed"],
    )
    for level in LEVELS
]
if sys.platform.startswith("linux") and platform.machine() in ("x86_64", "AMD64"):
    setup(ext_modules=kernel, cmdclass={"build_ext": BuildKernel, "bdist_wheel": TagWheel})
else:
    setup()
