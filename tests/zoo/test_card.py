"""The card of a package is one of the Hub's: its library reads it back, and its figures are those of the metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results

from archbuilder.evaluation.figures import share
from archbuilder.record import read_record
from archbuilder.zoo.card import card

HEADINGS = (
    "Results", "Cost", "Intended use", "How to use it", "How it was trained", "Limits", "License",
)  # fmt: skip


@pytest.fixture
def metadata(package: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((package / "metadata.json").read_text())
    return content


def plain(front: ModelCardData) -> dict[str, Any]:
    return dict(front.to_dict())  # type: ignore[no-untyped-call]


def data(metadata: dict[str, Any]) -> ModelCardData:
    """Return the front matter of a card as the Hub's library reads it, which refuses a wrong model index."""
    found = ModelCard(card(metadata), ignore_metadata_errors=False).data
    assert isinstance(found, ModelCardData)
    return found


def test_the_hubs_library_reads_the_figures_of_the_record(run: Path, package: Path, metadata: dict[str, Any]) -> None:
    front = data(metadata)
    [result] = front.eval_results or []
    record = read_record(run).results[0]
    interval = share(round(record.accuracy * record.n), record.n)
    assert (result.metric_type, result.metric_value) == ("accuracy", record.accuracy)
    assert (result.dataset_name, result.dataset_split, result.task_type) == ("digits", "val", "image-classification")
    assert result.metric_args == {"n": record.n, "low": interval.low, "high": interval.high}
    assert front.model_name == package.name
    assert (front.library_name, front.pipeline_tag) == ("archbuilder", "image-classification")


def test_the_front_matter_goes_there_and_back(metadata: dict[str, Any]) -> None:
    metadata |= {"license": "Apache-2.0"}
    front = plain(data(metadata))
    name, results = model_index_to_eval_results(front["model-index"])
    assert all(isinstance(result, EvalResult) for result in results)
    assert eval_results_to_model_index(name, results) == front["model-index"]
    assert plain(ModelCardData(**front)) == front


def test_eight_bits_have_a_result_of_their_own(metadata: dict[str, Any]) -> None:
    metadata["int8"] = {"split": "val", "accuracy": 100 / 359, "n": 359, "calibrated_on": 512, "bytes": 1000}
    names = [result.metric_name for result in data(metadata).eval_results or []]
    assert names == ["Accuracy (raw, 32 bits)", "Accuracy (8 bits, in onnxruntime)"]
    low, high = (f"{100 * end:.2f}%" for end in (share(100, 359).low, share(100, 359).high))
    assert f"| val | 8 bits, in onnxruntime | 27.86% | {low} to {high} | 359 |" in card(metadata)


@pytest.mark.parametrize(("stated", "told"), [("Apache-2.0", "apache-2.0"), ("GPL-3.0-only", "gpl-3.0"), (None, None)])
def test_a_license_stands_there_only_where_one_was_stated(
    metadata: dict[str, Any], stated: str | None, told: str | None
) -> None:
    metadata["license"] = stated
    assert data(metadata).license == told
    assert ("license:" in card(metadata)) == (told is not None)


def test_a_license_that_the_hub_does_not_know_is_told_by_name_and_link(metadata: dict[str, Any]) -> None:
    metadata["license"] = "BSD-4-Clause"
    front = data(metadata)
    assert (front.license, front.license_name) == ("other", "bsd-4-clause")
    assert front.license_link == "https://spdx.org/licenses/BSD-4-Clause.html"


@pytest.mark.parametrize(
    ("weights", "words"),
    [("raw", "the weights of the last step"), ("averaged", "the weights averaged over the steps")],
)
def test_it_tells_of_which_weights_the_accuracy_is(metadata: dict[str, Any], weights: str, words: str) -> None:
    metadata["weights"] = weights
    text = card(metadata)
    assert f"On digits, a single view of each image, {words}. " in text
    assert f"The package holds {words}" in text


def test_differences_are_not_rounded_down(metadata: dict[str, Any]) -> None:
    metadata["onnx"]["largest_difference"] = 1.01e-6
    assert "torch's and differ by 2e-06 at most" in card(metadata)


def test_a_command_cannot_end_its_own_block(metadata: dict[str, Any]) -> None:
    metadata["command"] = "python train.py 'name=```x````'"
    assert "\n`````bash\npython train.py 'name=```x````'\n`````\n" in card(metadata)


def test_it_says_how_to_get_the_package_and_what_loading_it_needs(metadata: dict[str, Any]) -> None:
    text = card(metadata)
    assert 'pip install "archbuilder[remote]"' in text
    assert f"archbuilder zoo pull URL/{metadata['name']} .\ncd {metadata['name']}\n" in text
    assert 'archbuilder.load(".")' in text
    assert "pip install onnxruntime numpy pillow" in text


def test_data_are_named_as_the_hub_names_them_where_it_has_them(metadata: dict[str, Any]) -> None:
    assert data(metadata).datasets is None
    metadata["data"]["name"] = "cifar10"
    assert data(metadata).datasets == ["uoft-cs/cifar10"]


def test_it_tells_results_with_their_interval_cost_use_training_and_limits(run: Path, metadata: dict[str, Any]) -> None:
    metadata["command"] = "python train.py model=plain seed=1"
    text = card(metadata)
    record = read_record(run)
    interval = share(round(record.results[0].accuracy * 359), 359)
    figures = f"{100 * interval.value:.2f}% | {100 * interval.low:.2f}% to {100 * interval.high:.2f}% | 359 |"
    for part in (
        figures, "| parameters | 123,898 |", "4,829,824 (4.83M)", "## Intended use", "## Limits",
        "```bash\npython train.py model=plain seed=1\n```", record.data.fingerprint, record.recipe.hash,
    ):  # fmt: skip
        assert part in text


def test_words_of_others_stay_words(metadata: dict[str, Any]) -> None:
    metadata["network"] = "<script>alert(1)</script> | `x` **y**\n---\n# title"
    metadata["data"]["name"] = "a: [b\n---\nc"
    metadata["labels"] = ["<img src=x>", "---\nlicense: mit", "$x$"]
    text = card(metadata)
    front = data(metadata)
    assert front.license is None
    assert (front.eval_results or [])[0].dataset_name == metadata["data"]["name"]
    body = text[text.index("\n# ") :]
    # Markdown shows what a backslash stands before; a span with nothing to it keeps a sign from being acted on.
    assert not re.search(r"(?<!\\)[<>]", re.sub(r"<span>.</span>", "", body))
    assert re.findall(r"^#+ (.*)", body, re.MULTILINE) == [metadata["name"], *HEADINGS]


class Hub(BaseHTTPRequestHandler):
    """Stands in for the Hub's validation: a card is right where its front matter is a mapping with a model index."""

    def do_POST(self) -> None:
        posted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        front = ModelCard(posted["content"], ignore_metadata_errors=False).data
        right = self.path == "/api/validate-yaml" and posted["repoType"] == "model" and front.get("model_name")
        self.send_response(200 if right else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield huggingface_hub.constants.ENDPOINT
    server.shutdown()


def test_it_is_given_to_the_hubs_validation_as_it_is(hub: str, package: Path, metadata: dict[str, Any]) -> None:
    ModelCard.load(package / "README.md", ignore_metadata_errors=False).validate()
    del metadata["results"]
    with pytest.raises(ValueError, match=r"^$"):
        ModelCard(card(metadata)).validate()
