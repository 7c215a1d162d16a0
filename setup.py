"""Build of the compiled core; everything else about the package is in pyproject.toml.

`models/` and `watchlists/` lie at the top level of the repository and install as the packages
`matcher_models` and `matcher_watchlists`, so that manifests, cards and the demo people are found by
`importlib.resources` from a checkout, an editable install and a wheel alike.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

# The wide paths hold their own target pragmas and are empty files where the compiler does not aim at their processors.
SOURCES = ("scores", "encode", "scan", "signs", "dispatch", "memory", "serial", "avx2", "avx512", "neon")

# For `.ci/sanitized`: the core with sanitizers, and memory views that check every index.
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all") if os.environ.get("MATCHER_SANITIZE") else ()
CHECKED = bool(SANITIZERS)
DIRECTIVES = {"language_level": 3, "boundscheck": CHECKED, "initializedcheck": CHECKED, "wraparound": False}

KERNELS = Extension(
    "matcher.kernels._compiled",
    sources=["ext/kernels.pyx", *(f"ext/csrc/{name}.c" for name in SOURCES)],
    include_dirs=["ext/csrc"],
    # Named here, they travel in the source distribution too.
    depends=["ext/kernels.pyx", *(f"ext/csrc/{name}.h" for name in ("kernels", "codes", "signs", "paths"))],
    # No contraction, no fast-math: the canonical score is one fixed sequence of IEEE 754 operations.
    # No -march=native: a binary targets the ABI floor of its platform.
    # errno and floating-point traps are read by nobody; giving them up changes no value and inlines sqrt and lrint.
    extra_compile_args=[
        *(("-O1", "-g", "-fno-omit-frame-pointer", *SANITIZERS) if SANITIZERS else ("-O3",)),
        *("-std=c11", "-ffp-contract=off", "-fno-fast-math", "-fno-math-errno", "-fno-trapping-math"),
    ],
    extra_link_args=list(SANITIZERS),
    libraries=["m"],
    # The stable ABI of the oldest supported Python: one binary for it and every later one.
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    py_limited_api=True,
)

setup(
    packages=[*find_packages(include=["matcher", "matcher.*"]), "matcher_models", "matcher_watchlists"],
    package_dir={"matcher_models": "models", "matcher_watchlists": "watchlists"},
    package_data={
        "matcher": ["py.typed"],
        "matcher.tui": ["*.tcss"],
        "matcher_models": ["*/manifest.toml", "*/card.md", "*/ranges.json"],
        "matcher_watchlists": ["README.md", "demo/*.csv", "demo/*.toml", "demo/*.md", "demo/*/*.jpg", "broken/*"],
    },
    ext_modules=cythonize([KERNELS], compiler_directives=DIRECTIVES),
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
