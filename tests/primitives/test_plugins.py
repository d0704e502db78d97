"""Primitives that other packages bring: installed, found by name, used like any other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archbuilder import primitives
from archbuilder.errors import ConfigError
from archbuilder.primitives import Primitive, primitive
from tests.language.models import model, refused

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
# The example in the README, which says when it is imported.
[EXAMPLE] = [code for code in re.findall(r"```python\n(.*?)```", README, re.S) if "@primitive" in code]
MODULE = f'print("imported")\n{EXAMPLE}'
MODEL = "{'input': [3, 8, 8], 'stages': {'soft': {'block': 'blur', 'kernel': 5}}}"


def install(folder: Path, entries: str, module: str = MODULE) -> None:
    """Lay out a package as an installer would: its module, and what it tells about itself."""
    (folder / "soft_focus.py").write_text(module)
    about = folder / "soft_focus-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: soft-focus\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[archbuilder.primitives]\n{entries}\n")


def python(folder: Path, code: str) -> str:
    """Return what a fresh Python that has `folder` on its path prints."""
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); import archbuilder, archbuilder.primitives as p\n"
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_primitive_is_described_built_and_checked(tmp_path: Path) -> None:
    install(tmp_path, "blur = soft_focus:Blur")
    code = f"""
graph = archbuilder.expand({MODEL})
print(archbuilder.describe(graph).layers[0].op, graph.shapes)
import torch
x = torch.rand(2, 3, 8, 8)
net = archbuilder.build(graph)
print(torch.equal(net(x), torch.nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False)))
from archbuilder.graph_json import from_json, to_json
again = from_json(to_json(graph)); p.check(again); print(again == graph)
"""
    assert python(tmp_path, code).splitlines() == ["imported", "blur ((3, 8, 8),)", "True", "True"]


def test_the_example_refuses_what_would_change_the_size(tmp_path: Path) -> None:
    install(tmp_path, "blur = soft_focus:Blur")
    code = f"""
try: archbuilder.expand({MODEL.replace("5", "4")})
except archbuilder.ConfigError as error: print(error)
"""
    assert python(tmp_path, code).splitlines()[1:] == ["model.stages.soft.kernel: 4 is even; use an odd number"]


def test_nothing_is_imported_before_its_name_is_used(tmp_path: Path) -> None:
    install(tmp_path, "blur = soft_focus:Blur")
    code = "archbuilder.describe('fire_small'); print('blur' in p.names(), 'conv' in p.names())"
    assert python(tmp_path, code).splitlines() == ["True True"]


def test_type_checkers_of_other_packages_see_the_types() -> None:
    """Without this file they take all that is imported from here for Any (PEP 561)."""
    assert (Path(primitives.__file__).parents[1] / "py.typed").is_file()


def test_a_misspelt_name_is_told_with_those_of_other_packages(tmp_path: Path) -> None:
    install(tmp_path, "blur = soft_focus:Blur")
    code = f"""
try: archbuilder.expand(eval({MODEL.replace("blur", "blurr")!r}))
except archbuilder.ConfigError as error: print(error)
"""
    assert "there is no block 'blurr'; did you mean 'blur'?" in python(tmp_path, code)


@pytest.mark.parametrize(
    ("entries", "module", "told"),
    [
        (
            "blur = soft_focus:Blur",
            "import not_there",
            "blur: the primitive of the package soft-focus cannot be loaded (ModuleNotFoundError: No module",
        ),
        ("blur = soft_focus:Blur", "Blur = 1", "names soft_focus:Blur, which registers no such primitive"),
        ("blur = soft_focus:Blurr", MODULE, "AttributeError"),
        (
            "blur = soft_focus",
            MODULE.replace('"blur"', '"conv"'),
            "primitive 'conv': archbuilder.primitives.conv has one of that name; choose another",
        ),
        ("blur = soft_focus", MODULE.replace('"integer"', '"intger"'), "no type 'intger'; did you mean 'integer'?"),
    ],
)
def test_a_broken_package_is_named(tmp_path: Path, entries: str, module: str, told: str) -> None:
    install(tmp_path, entries, module)
    code = f"""
try: archbuilder.expand({MODEL})
except archbuilder.ConfigError as error: print(error)
"""
    assert told in python(tmp_path, code)


def test_names_and_parameters_have_to_be_usable() -> None:
    for name in ("two words", "_hidden", "class"):
        with pytest.raises(ConfigError, match="is no name for a primitive"):
            primitive(name)(type("Made", (Primitive,), {}))

    class Repeats(Primitive):
        repeat: int = primitives.param("integer", 1)

    with pytest.raises(ConfigError, match="its parameter 'repeat' means something else in a layer"):
        primitive("repeats")(Repeats)
    assert "repeats" not in primitives.names()

    class Hides(Primitive):
        field: int = primitives.param("integer", 1)  # type: ignore[assignment]

    with pytest.raises(ConfigError, match="its parameter 'field' would hide what every primitive has of that name"):
        primitive("hides")(Hides)


def test_a_block_of_ones_own_wins_over_another_packages_whatever_was_loaded(tmp_path: Path) -> None:
    install(tmp_path, "blur = soft_focus:Blur")
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "blur.yaml").write_text(
        "params: {kernel: 3}\nlayers:\n  a: {block: conv, kernel: kernel, out: 2}\n"
    )
    code = f"""
for _ in range(2):
    print(archbuilder.describe({MODEL}, config_dir={str(tmp_path)!r}).params)
    p.find("blur")
"""
    assert python(tmp_path, code).splitlines() == ["152", "imported", "152"]


REDEFINED = """
SOURCE = '''
from archbuilder.primitives import Cost, Primitive, param, primitive
@primitive("blur")
class Blur(Primitive):
    kernel: int = param("integer", 3)
    def cost(self, inputs):
        return Cost(%d)
'''
for params in (1, 2):
    exec(SOURCE % params)
    print(archbuilder.describe(MODEL).params)
"""


def test_a_class_that_is_defined_anew_is_the_one_that_counts(tmp_path: Path) -> None:
    assert python(tmp_path, f"MODEL = {MODEL}\n{REDEFINED}").splitlines() == ["1", "2"]


def test_a_class_that_is_no_primitive_is_told() -> None:
    with pytest.raises(ConfigError, match="primitive 'plain_class': Made is no class derived from Primitive"):
        primitive("plain_class")(type("Made", (), {}))

    class Bare(Primitive):
        size: int = 3

    with pytest.raises(ConfigError, match=r"its field 'size' is no parameter; write size: \.\.\. = param\("):
        primitive("bare")(Bare)


COST: Any = primitives.Cost


def fails(*_: Any) -> Any:
    raise KeyError("oops")


@pytest.mark.parametrize(
    ("method", "answer", "told"),
    [
        ("outputs", lambda *_: (4, 8, 8), "returned (4, 8, 8), not a tuple of shapes such as ((16, 8, 8),)"),
        ("outputs", lambda *_: [(4, 8, 8)], "returned [(4, 8, 8)], not a tuple of shapes"),
        ("outputs", lambda *_: ((4, 8.0, 8),), "not a tuple of shapes"),
        ("outputs", lambda *_: ((4, 0, 8),), "not a tuple of shapes"),
        ("outputs", lambda *_: (), "not a tuple of shapes"),
        ("outputs", lambda *_: None, "returned None, not a tuple of shapes"),
        ("cost", lambda *_: 3, "returned 3, not a Cost"),
        ("cost", lambda *_: COST(1.5), "not a Cost of whole numbers"),
        ("field", lambda *_: 3, "returned 3, not a Window for each side"),
        ("settle", classmethod(lambda *_: None), "returned None, not all of its parameters by name"),
        ("settle", classmethod(lambda *_: {"b": 3}), "not all of its parameters by name"),
        *((method, fails, "raised KeyError: 'oops'") for method in ("outputs", "cost", "field")),
        ("settle", classmethod(fails), "raised KeyError: 'oops'"),
    ],
)
def test_a_mistake_in_a_primitive_is_told_with_its_place(method: str, answer: Any, told: str) -> None:
    primitive("faulty")(type("Faulty", (Primitive,), {method: answer}))
    try:
        fault = f"the primitive 'faulty' is at fault: {__name__}.Faulty.{method}()"
        refused(model({"a": {"block": "faulty"}}), "model.stages.a", fault, told)
    finally:
        del primitives.REGISTRY["faulty"]
