"""The commands `show` and `models`: what they print, and how they end."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.api import describe, expand, models
from archbuilder.cli import main
from archbuilder.errors import ArchbuilderError, ConfigError
from archbuilder.files import write_json
from archbuilder.graph_json import to_json
from archbuilder.primitives import REGISTRY


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what a failing command says on standard error, having checked how it ends."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    captured = capsys.readouterr()
    assert caught.value.code == 1
    assert captured.out == ""
    assert captured.err.count("\n") == 1, "one paragraph"
    assert captured.err.startswith("error: ")
    return captured.err


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    """Run some code in a fresh Python."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_show_prints_the_tree_with_every_layer_and_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "resnet20"])
    captured = capsys.readouterr()
    description = describe("resnet20")
    lines = [line for line in captured.out.splitlines() if line]
    rows = [line.lstrip("│├└─ ").split() for line in lines[2:]]
    assert lines[0].split() == ["resnet20:", "3x32x32"]
    layers = iter(description.layers)
    for row in rows:
        if len(row) > 2 and row[1] in REGISTRY:
            layer = next(layers)
            assert row[:3] == [layer.path.rpartition(".")[2], layer.op, "x".join(map(str, layer.shape))]
            assert f"{layer.params:,}" in row or not layer.params
            assert f"{layer.macs:,}" in row or not layer.macs
    assert next(layers, None) is None, "every layer has its row"
    assert ["total", "10", "272,474", f"{description.macs:,}", f"{description.activations:,}"] in rows
    assert f"{description.peak_activations:,} per image" in captured.out
    assert captured.err == ""


def test_show_folds(capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "resnet20", "--depth", "2"])
    out = capsys.readouterr().out
    assert "stage3" in out
    assert "basic" not in out
    assert "205,696" in out
    main(["show", "resnet20", "--depth", "0"])
    out = capsys.readouterr().out
    assert "272,474" in out
    assert "stages" not in out


def test_show_several_models_in_the_order_given_with_overrides_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "resnet20", "model.classes=7", "nin", "fire_small"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    names = ["resnet20", "nin", "fire_small"]
    assert [row[0] for row in rows[1:4]] == names
    assert [row[2] for row in rows[1:4]] == [f"{describe(n, ['model.classes=7']).params:,}" for n in names]


def test_show_several_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "--json", "nin", "resnet20"])
    assert json.loads(capsys.readouterr().out) == [describe("nin").to_json(), describe("resnet20").to_json()]


def test_options_may_stand_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "resnet20", "--json", "model.classes=3", "~model.stages.stage3"])
    expected = describe("resnet20", ["model.classes=3", "~model.stages.stage3"])
    assert json.loads(capsys.readouterr().out) == expected.to_json()


@pytest.mark.parametrize("suffix", [".svg", ".html", ".mmd"])
def test_show_draws(capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    main(["show", "resnet20", "--draw", str(path), "model.classes=123"])
    assert capsys.readouterr().out == f"drawn in {path}\n"
    assert "classifier" in path.read_text()
    assert "123" in path.read_text()


def test_show_with_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "resnet_bottleneck", "model.stages.stage2.ratio=2", "~model.stages.stage3"])
    expected = describe("resnet_bottleneck", ["model.stages.stage2.ratio=2", "~model.stages.stage3"])
    assert f"{expected.params:,}" in capsys.readouterr().out


def test_show_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("input: [3, 8, 8]\nstages: {a: {block: conv, out: 4}}\n")
    main(["show", str(path)])
    assert "mine: 3x8x8" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml", "~mine.yaml"])
def test_show_a_file_whose_path_looks_like_an_override(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "lr=0.1").mkdir()
    monkeypatch.chdir(tmp_path / "lr=0.1" if name.startswith("~") else tmp_path)
    path = name if name.startswith("~") else f"lr=0.1/{name}"
    Path(path).write_text("input: [3, 8, 8]\nstages: {a: {block: conv, out: 4}}\n")
    main(["show", path, "model.stages.a.out=5"])
    assert "5x8x8" in capsys.readouterr().out


@pytest.mark.parametrize("name", models())
def test_show_as_json(capsys: pytest.CaptureFixture[str], name: str) -> None:
    main(["show", name, "--json"])
    assert json.loads(capsys.readouterr().out) == describe(name).to_json()


def test_show_the_folder_of_a_run_or_a_package(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "lr=0.1"
    write_json(folder / "architecture.json", to_json(expand("plain", ["model.classes=3"])))
    main(["show", str(folder), "--json"])
    assert json.loads(capsys.readouterr().out) == describe("plain", ["model.classes=3"]).to_json()
    main(["show", "nin", str(folder)])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[:3]] == ["model", "nin", "plain"]
    assert "there is nothing left to override" in told(capsys, "show", str(folder), "model.classes=4")
    (folder / "architecture.json").write_text('{"schema": 1, "_target_": "os.system"}')
    assert f"{folder}/architecture.json: " in told(capsys, "show", str(folder))
    words = told(capsys, "show", str(tmp_path / "nowhere"))
    assert words.endswith("/nowhere'; archbuilder models lists them; of your own, give the file's path\n")
    words = told(capsys, "show", str(tmp_path))
    assert words.endswith("is no model: archbuilder show takes those of runs and packages, too\n")


def test_show_a_network_without_parameters(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("input: [3, 8, 8]\nstages: {a: {block: global_pool}}\n")
    main(["show", str(path)])
    assert "3x1x1" in capsys.readouterr().out


def test_models_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    main(["models"])
    assert capsys.readouterr().out.split() == models()


def test_show_answers_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from archbuilder.cli import main\n"
        "main(['show', 'resnet20']); main(['show', 'resnet20', 'nin']); main(['models'])\n"
        "for form in ('svg', 'html', 'mmd'):\n"
        f"    main(['show', 'resnet20', '--draw', {str(tmp_path / 'a')!r} + '.' + form])\n"
        "assert not {'torch', 'torchvision', 'lightning', 'numpy', 'matplotlib'} & set(sys.modules), 'slow'"
    )
    done = fresh(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "272,474" in done.stdout
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (["show", "resnet21"], "model: there is no model 'resnet21'; did you mean 'resnet20'?"),
        (["show", ""], "there is no model ''"),
        (["show", "x" * 999], "there is no model"),
        (["show", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["show", "resnet20", "mdel.classes=3"], "did you mean 'model.classes'?"),
        (["show", "resnet20", "model.stages.stage2.otu=3"], "model.stages.stage2.otu: basic has no such parameter"),
        (["show", "resnet20", "model.stages.stage2.out=1,2"], "not a sweep over several"),
        (["show", "resnet20", "model.style.act=rellu"], "did you mean 'relu'?"),
        (["show", "resnet20", "={"], "overrides: "),
        (["show", "model.classes=3"], "model: only overrides are given; name a model before model.classes=3"),
        (["show", "resnet20", "nni"], "did you mean 'nin'?"),
        (["show", "resnet20", "article/fuse", "~model.stages.stage3"], "article/fuse: model.stages.stage3: cannot be"),
        (["show", "resnet20", "--draw", "a.png"], "--draw: 'a.png' does not end in .svg, .html or .mmd"),
        (["show", "resnet20", "nin", "--draw", "a.svg"], "--draw: draws one model, not 2"),
        (["show", "resnet20", "--draw", "a.svg", "--depth", "0"], "--depth: nothing is left to draw at 0 levels"),
        (
            ["show", "resnet20", "--json", "--depth", "2"],
            "--depth: folds the tree or the diagram of one model, but JSON",
        ),
        (
            ["show", "resnet20", "nin", "--depth", "2"],
            "--depth: folds the tree or the diagram of one model, but several",
        ),
        (["show", "lr=0.1/nowhere.yaml"], "lr=0.1/nowhere.yaml: there is no such file"),
    ],
)
def test_a_mistake_ends_in_one_paragraph(
    capsys: pytest.CaptureFixture[str], arguments: list[str], telling: str
) -> None:
    message = told(capsys, *arguments)
    assert telling in message
    assert "Traceback" not in message


def test_as_a_process_too() -> None:
    done = fresh("from archbuilder.cli import main; main(['show', 'resnet21'])")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: model: there is no model 'resnet21'")
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(ConfigError, match="resnet21"):
        main(["--debug", "show", "resnet21"])
    with pytest.raises(ConfigError, match="resnet21"):
        main(["show", "resnet21", "--debug", "model.classes=3"])
    done = fresh("from archbuilder.cli import main; main(['--debug', 'show', 'resnet21'])")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    "command", ["zoo list {}", "zoo report {}", "zoo sign {} --key k", "sweep status {}", "compare {}", "eval {}"]
)
def test_debug_may_stand_at_every_place(command: str, tmp_path: Path) -> None:
    words = command.format(tmp_path / "nowhere").split()
    for place in range(len(words) + 1):
        if place and words[place - 1] == "--key":
            continue
        with pytest.raises(ArchbuilderError):
            main([*words[:place], "--debug", *words[place:]])
    with pytest.raises(SystemExit):
        main(words)


def test_an_interrupt_ends_in_one_line() -> None:
    # Like Ctrl-C while the command is at work.
    code = (
        "import signal, sys, archbuilder.api, archbuilder.cli as cli\n"
        "archbuilder.api.models = lambda *_: signal.raise_signal(signal.SIGINT)\n"
        "cli.main(sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code, "models"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
    done = subprocess.run(
        [sys.executable, "-c", code, "models", "--debug"], capture_output=True, text=True, check=False
    )
    assert "Traceback" in done.stderr


def test_a_comparison_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(SystemExit):
            main(["compare", str(tmp_path)])
        assert gc.isenabled() == enabled
    gc.enable()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["shw"],
        ["show"],
        ["show", "resnet20", "--jsn"],
        ["show", "resnet20", "--jsn", "model.classes=3"],
        ["show", "resnet20", "--depth", "-1"],
        ["show", "resnet20", "--depth", "1001"],
        ["show", "resnet20", "--depth", "two"],
        ["show", "resnet20", "--json", "--draw", "a.svg"],
        ["models", "x"],
    ],
)
def test_an_unknown_command_or_option(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: archbuilder" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough() -> None:
    command = (
        f"{sys.executable} -c \"from archbuilder.cli import main; main(['show', 'resnet56', '--json'])\" | head -1"
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout == "{\n"
    assert "Traceback" not in done.stderr


def test_show_tells_the_width_that_a_budget_led_to(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["show", "resnet20", "model.budget.params=300k"])
    assert "resnet20: the widest within params 300k is model.scale.divisor=1 model.scale.width=1.04" in (
        capsys.readouterr().out
    )
    path = tmp_path / "mine.yaml"
    path.write_text("input: [3, 8, 8]\nstages: {a: {block: conv, out: 8}}\n")
    main(["show", str(path), "model.budget.params=1G"])
    told = capsys.readouterr().out
    assert "params 1G are not exhausted by the widest there is, model.scale.divisor=1 model.scale.width=999.97" in told
    main(["show", "resnet20", "nin", "model.budget.params=300k", "--json"])
    made = json.loads(capsys.readouterr().out)
    assert [one["scale"]["width"] for one in made] == [1.04, 0.542]
    main(["show", "resnet20", "--json"])
    assert "scale" not in json.loads(capsys.readouterr().out)


def test_a_folder_of_ones_own_is_known_to_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, text in (
        ("block", "doc: Twice as wide.\nlayers:\n  one: {block: conv, out: 2 * block_in}\n"),
        ("model", "input: [3, 8, 8]\nstages:\n  a: {block: twice}\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twice.yaml").write_text(text)
    for command in (["show", "twice"], ["models"], ["blocks", "twice"], ["schema"]):
        main([*command, "--config-dir", str(tmp_path)])
        assert "twice" in capsys.readouterr().out
        with pytest.raises(SystemExit):
            main([*command, "--config-dir", str(tmp_path / "nowhere")])
        assert "nowhere is no folder; name the one that holds model/ and block/" in capsys.readouterr().err


def test_a_schema_is_written_into_no_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["schema", "--to", str(tmp_path)])
    expected = f"error: --to: {tmp_path} is a folder; name a file in it: {tmp_path / 'archbuilder.schema.json'}\n"
    assert capsys.readouterr().err == expected
    assert not [*tmp_path.iterdir()]


def test_one_layer_is_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("input: [3, 8, 8]\nstages: {a: {block: conv, out: 8}}\n")
    main(["show", str(path)])
    assert "1 layer, 1 of them" in capsys.readouterr().out
