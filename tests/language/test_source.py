"""Where a model comes from: a name, a file, a mapping, a Graph; and what it inherits."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from archbuilder.api import describe, expand, models
from archbuilder.errors import ConfigError
from archbuilder.graph_json import graph_hash
from archbuilder.paths import conf_dir
from tests.language.models import chain, conv, leaves, model, nodes

MODEL = """
input: [3, 8, 8]
stages:
  a: {block: conv, out: 4}
"""


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def told(source: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        expand(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shipped_models() -> None:
    assert models() == sorted(models())
    assert {"resnet20", "resnet56", "article/reduce", "article/bottleneck"} <= set(models())


def test_a_name() -> None:
    graph = expand("article/reduce")
    assert (graph.name, graph.shapes) == ("article/reduce", ((32, 28, 28),))


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("resnet21", "there is no model 'resnet21'; did you mean 'resnet20'?"),
        ("article/reduse", "did you mean 'article/reduce'?"),
        ("resnet50", "did you mean 'imagenet/resnet50'?"),
        ("ResNet20", "did you mean 'resnet20'?"),
        ("../block/basic", "there is no model '../block/basic'"),
        ("article", "there is no model 'article'"),
        ("", "there is no model ''"),
        (".", "there is no model '.'"),
        ("/", "there is no model '/'"),
        ("x" * 5000, "there is no model 'xxx"),
        ("a\0b", "there is no model"),
    ],
)
def test_a_name_of_no_model(name: str, telling: str) -> None:
    assert telling in told(name)
    assert told(name).startswith("model: ")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file(tmp_path: Path, kind: type) -> None:
    graph = expand(kind(write(tmp_path, MODEL)))
    assert (graph.name, graph.shapes) == ("mine", ((4, 8, 8),))
    assert graph_hash(graph) == graph_hash(expand({"input": [3, 8, 8], "stages": {"a": conv()}}))


def test_a_file_by_its_path_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, MODEL)
    monkeypatch.chdir(tmp_path)
    assert expand("mine.yaml").shapes == ((4, 8, 8),)


def test_a_file_named_without_its_ending(tmp_path: Path) -> None:
    write(tmp_path, MODEL)
    assert told(str(tmp_path / "mine")).endswith(f"did you mean the file '{tmp_path / 'mine.yaml'}'?")


def test_the_file_of_a_block_is_no_model(tmp_path: Path) -> None:
    path = write(tmp_path, "layers: {a: {block: identity}}\n")
    assert (
        told(path)
        == f"{path}: this is the file of a block, not of a model; a layer of a model uses it: {{block: mine}}"
    )
    # With both, the model's own check tells which key is odd.
    assert told(write(tmp_path, MODEL + "layers: {}\n")).startswith("model.layers: no such key of a model")


def test_where_a_file_is_no_yaml(tmp_path: Path) -> None:
    text = told(write(tmp_path, "input: [3, 8\nstages: 3"))
    assert text.endswith("did not find expected ',' or ']' at line 2, column 7")
    assert "<" not in text


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    for source in (str(tmp_path / "no.yaml"), tmp_path / "no.yaml", tmp_path, "no.yml", "x" * 1000 + ".yaml"):
        assert told(source) == f"{source}: there is no such file"
    assert told("x" * 5000 + ".yaml").endswith("xxx.yaml: there is no such file")


@pytest.mark.parametrize(
    ("text", "telling"),
    [
        ("input: [3, 8\n", "is not valid YAML"),
        ("defaults: [/model/resnet20@_here_]\nstages: {a? b: {}}\n", "expected ',' or '}'"),
        ("a: b: c\n", "is not valid YAML"),
        ("\t- x", "is not valid YAML"),
        ("input: [1, 2, 2]\ninput: [3, 8, 8]\n", "found duplicate key input"),
        ("stages: {a: {block: conv, out: 1, out: 2}}\n", "found duplicate key out"),
        ("x: ${nothing}\n", "Interpolation key 'nothing' not found"),
        ("x: ${oops\n", "one without an end"),
        ("!!python/object/apply:os.system ['true']\n", "is not valid YAML"),
        ("[" * 5000, "is nested too deeply to be read"),
        ("x: 0x" + "F" * 5000, "mine.yaml:x: the number is beyond every limit"),
        ("x: " + "1" * 5000, "has a value that cannot be read: Exceeds the limit"),
        ("x: !!int ''", "has a value that cannot be read"),
        ("x: !!bool x", "has a value that cannot be read"),
        ("x: !!timestamp x", "has a value that cannot be read"),
        ("x: " + "1:" * 300 + "1.5", "has a value that cannot be read"),
        ("x: !!binary aGVsbG8=", "mine.yaml:x: b'hello' is no value that YAML knows"),
        ("x: !!set {a, b}", "is no value that YAML knows"),
        ("{null: {}, !!binary aGVsbG8= : 1}", "b'hello' cannot be a key"),
        ("? [a]\n: 1", "is not valid YAML"),
        ("a: &a [*a]", "is nested too deeply"),
        ("a: &a {<<: [*a, *a]}\nb: {<<: *a}\nc: ${a.${b}}", "an interpolation within another"),
        ("c: ${oc.nothing:x}", "'${oc.nothing:x}' asks something outside the model; write ${key}, or the value"),
        ("doc: '${oc.env:HOME}'", "'${oc.env:HOME}' asks something outside the model"),
        ("doc: '${ oc.env : HOME }'", "asks something outside the model"),
        ("doc: '${oc.decode:${model.x}}'", "asks something outside the model"),
        ("a: ${oc.select:model.b}\nb: ${model.a}", "${model.a} leads back to itself"),
        ("a: {b: '${..c}', d: '${model.a.b.x}'}\nc: ${.a.d}", "leads back to itself"),
    ],
)
def test_a_file_that_cannot_be_read_as_yaml(tmp_path: Path, text: str, telling: str) -> None:
    message = told(write(tmp_path, text))
    assert telling in message


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00x")
    assert str(path) in told(path)


@pytest.mark.parametrize(("text", "telling"), [("", "say either input"), ("[1, 2]", "a model is a mapping"), ("3", "")])
def test_a_file_that_holds_no_model(tmp_path: Path, text: str, telling: str) -> None:
    assert telling in told(write(tmp_path, text))


def test_numbers_are_read_as_omegaconf_reads_them(tmp_path: Path) -> None:
    text = MODEL + "style: {norm: batch, eps: 1e-3}\nclasses: 1e1\n"
    assert leaves(write(tmp_path, text))["a"].attributes["eps"] == 0.001


def test_keys_that_yaml_reads_as_booleans(tmp_path: Path) -> None:
    assert "is not a string" in told(write(tmp_path, "input: [3, 8, 8]\nstages: {on: {block: conv, out: 4}}\n"))
    assert "is not a string" in told(write(tmp_path, "input: [3, 8, 8]\nstages: {1: {block: conv, out: 4}}\n"))


def test_a_mapping_of_omegaconf() -> None:
    assert expand(OmegaConf.create(model(chain("a")))).shapes == ((4, 8, 8),)
    assert expand(model({"a": OmegaConf.create(conv("${model.classes}"))}, classes=7)).shapes == ((7, 8, 8),)


def test_other_mappings_than_dicts() -> None:
    source = MappingProxyType(model({"a": MappingProxyType(conv())}))
    assert graph_hash(expand(source)) == graph_hash(expand(model({"a": conv()})))


@pytest.mark.parametrize(
    ("value", "telling"),
    [
        ("x" * 10_001, "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxx... has 10,001 characters; at most 10,000"),
        ([1] * 100_000, "there are more than 100,000 values in it"),
        (2**2000, "beyond every limit"),
        ({1, 2}, "is no value that YAML knows"),
        ({"k" * 101: 1}, "has 101 characters, not 100"),
        ({(1, 2): 1}, "(1, 2) cannot be a key"),
    ],
)
def test_values_that_no_model_needs(value: Any, telling: str) -> None:
    assert telling in told(model({"a": conv(value)}))


def test_numbers_keys_and_dates_are_read_as_omegaconf_reads_them() -> None:
    from omegaconf._utils import get_yaml_loader

    from archbuilder.language.yaml import _loader

    ours, theirs = _loader().yaml_implicit_resolvers, get_yaml_loader().yaml_implicit_resolvers
    patterns = [
        {first: [(tag, pattern.pattern.split()) for tag, pattern in found] for first, found in resolvers.items()}
        for resolvers in (ours, theirs)
    ]
    assert patterns[0] == patterns[1]


@pytest.mark.parametrize("value", [object(), {1, 2}, 3 + 4j, len, b"x", Path("x")])
def test_a_mapping_of_what_yaml_does_not_know(value: Any) -> None:
    assert told(model({"a": conv(value)})).startswith("model")


@pytest.mark.parametrize("key", [None, (1, 2), 1.5, b"x"])
def test_a_mapping_with_keys_that_yaml_does_not_know(key: Any) -> None:
    assert told({key: 1}).startswith("model")


@pytest.mark.parametrize(
    "text", ["${model.stages.a.out}", "${..a.out}", "${model[stages].a.out}", "${oc.select:model.stages.a.out,3}"]
)
def test_interpolations_are_resolved(text: str) -> None:
    source = model({"a": conv(6), "b": conv(text)})
    assert leaves(source)["b"].attributes["out"] == 6


@pytest.mark.parametrize("text", ["${model.stages.a.out}", "${..a.out}"])
def test_interpolations_follow_overrides_and_mean_the_same_in_every_source(tmp_path: Path, text: str) -> None:
    path = tmp_path / "base.yaml"
    path.write_text(f"input: [3, 8, 8]\nstages:\n  a: {{block: conv, out: 3}}\n  b: {{block: conv, out: '{text}'}}\n")
    (tmp_path / "variant.yaml").write_text("defaults: [base, _self_]\ndoc: the same\n")
    mapping = yaml.safe_load(path.read_text())
    for source in (path, mapping, tmp_path / "variant.yaml"):
        assert expand(source, ["model.stages.a.out=9"]).shapes == ((9, 8, 8),)
        assert expand(source).shapes == ((3, 8, 8),)


def test_what_inherits_is_called_yaml(tmp_path: Path) -> None:
    path = tmp_path / "variant.yml"
    path.write_text("defaults: [/model/resnet20@_here_, _self_]\n")
    assert f"{path}: what names others in defaults has to be called variant.yaml" in told(path)


def test_interpolations_of_mappings_lists_and_one_another() -> None:
    source = model(
        {"a": conv("${model.input.0}"), "b": "${model.stages.a}", "c": conv("${model.stages.b.out}", act="re${x}")}
    )
    assert told(source | {"style": {"act": "${model.doc}"}, "doc": "relu"}).startswith("model: Interpolation key 'x'")
    del source["stages"]["c"]["act"]
    assert [leaf.shapes for leaf in leaves(source).values()] == [((4, 8, 8),)] * 3


def test_interpolations_that_lead_into_one_another_a_thousand_times(tmp_path: Path) -> None:
    lines = [f"a{i}: ${{model.a{i + 1}}}" for i in range(1000)]
    assert "lead into one another too deeply" in told(write(tmp_path, "\n".join([*lines, "a1000: 1"])))


def test_interpolations_that_grow(tmp_path: Path) -> None:
    lines = ["a0: x", *(f"a{i}: {f'${{model.a{i - 1}}}' * 9}" for i in range(1, 30))]
    assert "would grow too large" in told(write(tmp_path, "\n".join(lines)))


def test_an_interpolation_without_dollars_worth_of_meaning_stays() -> None:
    assert expand(model({"a": conv(doc="costs \\${nothing}")})).nodes[0].doc == "costs ${nothing}"


def variant(base: str, rest: str = "") -> str:
    return f"defaults:\n  - {base}@_here_\n  - _self_\n{rest}"


def test_a_shipped_variant_says_only_what_differs() -> None:
    assert len(nodes("resnet56")) > len(nodes("resnet20"))
    text = (conf_dir() / "model" / "resnet56.yaml").read_text(encoding="utf-8")
    assert "/model/resnet20@_here_" in text
    assert "block:" not in text


def test_a_variant_of_a_shipped_model_elsewhere(tmp_path: Path) -> None:
    path = write(tmp_path, variant("/model/resnet20", "stages: {stage2: {out: 40}}\n"))
    graph = expand(path)
    assert graph.name == "mine"
    assert graph_hash(graph) == graph_hash(expand("resnet20", ["model.stages.stage2.out=40"]))
    assert expand(str(path)) == graph


def test_a_variant_that_changes_nothing(tmp_path: Path) -> None:
    assert graph_hash(expand(write(tmp_path, variant("/model/resnet20")))) == graph_hash(expand("resnet20"))


def test_a_variant_drops_and_adds_layers(tmp_path: Path) -> None:
    rest = "stages: {stage3: null, extra: {block: conv, out: 8, after: stage1}}\n"
    found = nodes(write(tmp_path, variant("/model/resnet20", rest)))
    assert found["stages.stage2.0"].reads == ("stages.extra",)
    assert "stages.stage3.0" not in found


def test_a_variant_of_a_variant_and_its_overrides(tmp_path: Path) -> None:
    path = write(tmp_path, variant("/model/resnet56", "classes: 7\n"))
    assert describe(path).outputs == ((7,),)
    assert describe(path, ["model.stages.stage1.repeat=1", "~model.stages.stage3"]).params < describe(path).params


def test_a_variant_of_a_model_beside_it(tmp_path: Path) -> None:
    write(tmp_path, MODEL, "base.yaml")
    path = write(tmp_path, variant("base", "stages: {b: {block: identity}}\n"))
    assert list(nodes(path)) == ["stages.a", "stages.b"]


def test_a_variant_of_what_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, variant("/model/resnet21"))
    assert told(path).startswith(f"{path}: ")
    assert "model/resnet21" in told(path)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/model/resnet2O@_here_", "resnet20"),
        ("/model/Resnet20@_here_", "resnet20"),
        ("/model/resnet50@_here_", "imagenet/resnet50"),
        ("/resnet20@_here_", "resnet20"),
        ("resnet20@_here_", "resnet20"),
        ("resnet20", "resnet20"),
    ],
)
def test_what_a_misspelt_variant_is_told(tmp_path: Path, written: str, meant: str) -> None:
    path = write(tmp_path, f"defaults: [{written}, _self_]\n")
    missing = written.removesuffix("@_here_").lstrip("/")
    assert told(path) == f"{path}: there is no '{missing}' to inherit from; did you mean '/model/{meant}@_here_'?"


def test_what_is_like_no_model_is_told_how_to_write_one(tmp_path: Path) -> None:
    path = write(tmp_path, "defaults: [/model/zzzzzz@_here_, _self_]\n")
    assert "no 'model/zzzzzz' to inherit from; write /model/NAME@_here_" in told(path)


def test_what_a_variant_says_itself_comes_last(tmp_path: Path) -> None:
    rest = "stages: {stage2: {out: 40}}\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bare = expand(write(tmp_path, f"defaults: [/model/resnet20@_here_]\n{rest}"))
    assert graph_hash(bare) == graph_hash(expand(write(tmp_path, variant("/model/resnet20", rest))))
    first = write(tmp_path, f"defaults: [_self_, /model/resnet20@_here_]\n{rest}", "first.yaml")
    assert "in defaults, _self_ belongs last" in told(first)
    assert "_self_ belongs last" in told(write(tmp_path, variant("first")))


def test_a_variant_can_drop_only_what_it_inherits(tmp_path: Path) -> None:
    path = write(tmp_path, variant("/model/resnet56", "stages: {stag3: null}\n"))
    telling = "mine.yaml:stages.stag3: nothing to drop: it inherits no such layer; did you mean 'stage3'?"
    assert telling in told(path)
    write(tmp_path, MODEL, "base.yaml")
    assert "layers there: a" in told(write(tmp_path, variant("base", "stages: {zzz: null}\n")))
    assert list(nodes(write(tmp_path, variant("base", "stages: {a: null, c: {block: identity}}\n")))) == ["stages.c"]
    # In a file that inherits nothing, or in ways that Hydra alone can follow, nobody knows what is meant.
    assert list(nodes(write(tmp_path, MODEL + "  b: null\n"))) == ["stages.a"]


def test_what_a_variant_inherits_is_bounded_too(tmp_path: Path) -> None:
    write(tmp_path, "# nothing\n" * 100_001, "base.yaml")
    assert "base.yaml: the file is larger than 1,000,000 bytes" in told(write(tmp_path, variant("base")))


@pytest.mark.parametrize(
    ("defaults", "telling"),
    [
        ("3", "defaults must be a list"),
        ("resnet20", "defaults must be a list"),
        ("{a: b}", "defaults must be a list"),
        ("null", "defaults must be a list"),
        ("[3]", "Unsupported type in defaults"),
        ("[[a]]", "Unsupported type in defaults"),
        ("[{a: b, c: d}]", "Too many keys in default item"),
        ("[mine@_here_]", "inherits from itself"),
        ("[/model/resnet20, _self_]", "write @_here_ behind what it inherits"),
    ],
)
def test_defaults_that_inherit_nothing(tmp_path: Path, defaults: str, telling: str) -> None:
    path = write(tmp_path, f"defaults: {defaults}\n{MODEL}")
    assert told(path).startswith(f"{path}: ")
    assert telling in told(path)


def test_hydras_state_is_left_as_it_was(tmp_path: Path) -> None:
    from hydra import initialize_config_dir

    path = write(tmp_path, variant("/model/resnet20"))
    expand(path)
    assert not GlobalHydra.instance().is_initialized()
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        before = GlobalHydra.instance().hydra
        expand(path)
        with pytest.raises(ConfigError):
            expand(write(tmp_path, variant("/model/resnet21"), "bad.yaml"))
        assert GlobalHydra.instance().hydra is before


def test_a_model_given_as_a_mapping_inherits_nothing() -> None:
    with pytest.raises(ConfigError, match=r"^model\.defaults: no such key of a model"):
        expand(model(chain("a"), defaults=["/model/resnet20@_here_"]))
