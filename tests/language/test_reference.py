"""The command `blocks`, and what the pages about the language say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.language.catalog import composites, primitives
from archbuilder.language.layers import read_layers
from archbuilder.language.params import REQUIRED, Param
from archbuilder.language.reference import listing, markdown, page
from archbuilder.language.source import library
from archbuilder.language.yaml import load
from archbuilder.paths import conf_dir
from archbuilder.primitives import REGISTRY, params_of

SHIPPED = library()
NAMES = [*REGISTRY, *SHIPPED.names()]


def test_every_block_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    main(["blocks"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [*sorted(REGISTRY), *SHIPPED.names()]
    assert "conv A kxk convolution: dense, grouped or depthwise." in [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize("name", NAMES)
def test_every_block_and_parameter_has_its_doc(name: str) -> None:
    one = {**primitives(), **composites(SHIPPED)}[name]
    assert one.doc
    assert [key for key, param in one.params.items() if not param.doc] == []


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_page_of_a_primitive(name: str) -> None:
    text = page(name, SHIPPED)
    assert text.startswith(f"{name}: ")
    for key, param in params_of(REGISTRY[name]).items():
        [row] = [line for line in text.splitlines() if line.startswith(f"  {key} ")]
        assert param.type in row
        assert param.doc in row
        assert all(word in row for word in param.choices)
        assert ("required" in row) == (param.default is REQUIRED)
        assert ("from the style" in row) == (key in REGISTRY[name].from_style)


@pytest.mark.parametrize("name", SHIPPED.names())
def test_the_page_of_a_composite_shows_its_layers_as_they_are_written(name: str, tmp_path: Path) -> None:
    text = page(name, SHIPPED)
    shown = tmp_path / "shown.yaml"
    shown.write_text(text[text.index("\nlayers:") :])
    content = load(conf_dir() / "block" / f"{name}.yaml")
    assert read_layers(load(shown)["layers"], "") == read_layers(content["layers"], "")
    assert ("\nstyle: " in text) == ("style" in content)


def test_the_page_of_a_block_with_several_inputs_and_outputs(tmp_path: Path) -> None:
    (tmp_path / "cross.yaml").write_text(
        "doc: Two ways.\ninputs: [high, low]\nparams: {out: channels, keep: 1.0}\n"
        "layers:\n  a: {block: fuse, from: [high, low], out: out, repeat: 1, when: keep > 0, style: {act: relu}}\n"
        "  b: {block: identity, from: a}\noutputs: [a, b]\n"
    )
    text = page("cross", library([tmp_path]))
    assert "inputs: 2: high, low\noutputs: a, b\n" in text
    assert "  keep  number    1.0" in text
    assert "a: {block: fuse, from: [high, low], out: out, repeat: 1, when: keep > 0, style: {act: relu}}" in text
    assert "cross" in listing(library([tmp_path]))


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (["blocks", "botleneck"], "there is no block 'botleneck'; did you mean 'bottleneck'?"),
        (["blocks", "cnov"], "did you mean 'conv'?"),
        (["blocks", "--config-dir", "nowhere"], "nowhere is no folder; name the one that holds model/ and block/"),
        (["schema", "--config-dir", "nowhere"], "nowhere is no folder; name the one that holds model/ and block/"),
    ],
)
def test_a_mistake(capsys: pytest.CaptureFixture[str], arguments: list[str], telling: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out) == (1, "")
    assert telling in captured.err


def test_a_broken_block_of_ones_own_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "mine.yaml").write_text("layres: {}\n")
    for command in ("blocks", "schema"):
        with pytest.raises(SystemExit):
            main([command, "--config-dir", str(tmp_path)])
        assert "mine.yaml:layres: no such key of a block; did you mean 'layers'?" in capsys.readouterr().err


def test_blocks_and_schema_answer_without_torch() -> None:
    code = (
        "import sys; from archbuilder.cli import main\n"
        "main(['blocks']); main(['blocks', 'conv']); main(['schema'])\n"
        "assert not {'torch', 'torchvision', 'lightning', 'rich'} & set(sys.modules), 'slow'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_reference_has_every_block_and_key() -> None:
    text = markdown(SHIPPED)
    for name in NAMES:
        assert f"\n### {name}\n" in text
    for key in ("defaults", "budget", "after", "momentum", "block_in", "divisor", "pair", "divisible(x, by=8)"):
        assert f"| `{key}` |" in text


def test_a_default_is_shown_as_yaml_has_it() -> None:
    from archbuilder.language.catalog import default

    shown = {
        "3": Param("pair", (3, 3)),
        "[1, 3]": Param("pair", (1, 3)),
        "true": Param("boolean", True),
        "0.0": Param("number", 0.0),
        "1e-06": Param("number", 1e-6),
        "[1, 2]": Param("integers", [1, 2]),
        "out // 8": Param("channels", "out // 8"),
        "required": Param("word"),
        "": Param("integer", None),
    }
    assert [default("a", param) for param in shown.values()] == list(shown)
