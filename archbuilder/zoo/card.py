"""The card of a package: a page for people, with the front matter that the Hugging Face Hub reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from archbuilder.compare.words import at_most, escape_markdown, short
from archbuilder.evaluation.figures import Share, share
from archbuilder.evaluation.report import percent
from archbuilder.zoo.files import GOLDEN_FILE, INT8_FILE, ONNX_FILE, PT2_FILE
from archbuilder.zoo.license import UNSTATED, hub_license
from archbuilder.zoo.snippets import to_get, with_archbuilder, with_onnxruntime

TASK = "image-classification"
DATASETS = {
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
    "fashion_mnist": "zalando-datasets/fashion_mnist",
}
"""What the Hub calls the data that it has."""
_WEIGHTS = {"raw": "the weights of the last step", "averaged": "the weights averaged over the steps"}


def card(metadata: dict[str, Any]) -> str:
    """Return the card of a package as Markdown; all that it says stands in the metadata."""
    import yaml

    front = yaml.safe_dump(front_matter(metadata), sort_keys=False, allow_unicode=True)
    sections = [f"# {metadata['name']}", _summary(metadata)]
    for title, paragraphs in (
        ("Results", _results(metadata)),
        ("Cost", _cost(metadata)),
        ("Intended use", _intended(metadata)),
        ("How to use it", _use(metadata)),
        ("How it was trained", _training(metadata)),
        ("Limits", _limits(metadata)),
        ("License", _license(metadata)),
    ):
        sections += [f"## {title}", *paragraphs]
    return f"---\n{front}---\n\n" + "\n\n".join(sections) + "\n"


def front_matter(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what the Hub reads: a license only where one is stated, data only where the Hub has them."""
    results = measured(metadata)
    dataset = DATASETS.get(metadata.get("data", {}).get("name", ""))
    front: dict[str, Any] = {
        **(hub_license(metadata["license"]) if metadata["license"] else {}),
        "library_name": "archbuilder",
        "pipeline_tag": TASK,
        "tags": [TASK, "archbuilder", "onnx", "safetensors"],
        **({"datasets": [dataset]} if dataset else {}),
    }
    if results:
        front["metrics"] = ["accuracy"]
        front["model-index"] = [
            {"name": metadata["name"], "results": [_index_entry(metadata, *result) for result in results]}
        ]
    return front


def measured(metadata: dict[str, Any]) -> list[tuple[str, str, Share]]:
    """Return for each accuracy that was measured the split, the weights in words, and the share."""
    rows = [(result, f"{result['weights']}, 32 bits") for result in metadata.get("results", [])]
    rows += [(metadata["int8"], "8 bits, in onnxruntime")] if "int8" in metadata else []
    return [(row["split"], words, share(round(row["accuracy"] * row["n"]), row["n"])) for row, words in rows]


def _index_entry(metadata: dict[str, Any], split: str, weights: str, found: Share) -> dict[str, Any]:
    data = metadata["data"]["name"]
    return {
        "task": {"type": TASK, "name": "Image classification"},
        "dataset": {"type": DATASETS.get(data, data), "name": data, "split": split},
        "metrics": [
            {
                "type": "accuracy",
                "name": f"Accuracy ({weights})",
                "value": found.value,
                "args": {"n": found.n, "low": found.low, "high": found.high},
            }
        ],
    }


def _summary(metadata: dict[str, Any]) -> str:
    channels, high, wide = metadata["preprocessing"]["shape"]
    network, classes, cost = escape_markdown(metadata["network"]), len(metadata["labels"]), metadata["cost"]
    on = f", trained on {escape_markdown(metadata['data']['name'])}" if "data" in metadata else ""
    return (
        f"{network}: a convolutional network of {cost['params']:,} parameters that tells {classes:,} classes of "
        f"{high}x{wide} pictures of {_channels(channels)} apart{on}. Made by archbuilder; nothing in this folder is "
        "executed when it is loaded."
    )


def _results(metadata: dict[str, Any]) -> Iterator[str]:
    rows = measured(metadata)
    if not rows:
        yield "None were measured here: the weights come from elsewhere, and its results are told there."
        return
    yield _table(
        ("split", "weights", "accuracy", "95% interval", "images"),
        [
            (split, weights, percent(found.value), f"{percent(found.low)} to {percent(found.high)}", f"{found.n:,}")
            for split, weights, found in rows
        ],
    )
    weights = _WEIGHTS[metadata["weights"]]
    yield (
        f"On {escape_markdown(metadata['data']['name'])}, a single view of each image, {weights}. Intervals (Wilson) "
        "tell how much the choice of these images leaves open; what another seed of training would change is not in "
        "them."
    )
    apart = [f"{told['images_apart']:,} of {told['n']:,} of {split}" for split, told in _splits(metadata)]
    allowed = [told["images_allowed"] for _, told in _splits(metadata)]
    if any(allowed):
        yield (
            f"Evaluated again in 32 bits before they were packaged, the weights answered {' and '.join(apart)} "
            "otherwise in balance than the record of the training says, which had other precision or another device."
        )
    else:
        yield (
            "Evaluated again before they were packaged, the weights gave exactly this accuracy, and the recorded loss "
            "to within rounding."
        )


def _splits(metadata: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(metadata["reevaluation"]["splits"].items())


def _cost(metadata: dict[str, Any]) -> Iterator[str]:
    cost = metadata["cost"]
    rows = [
        ("parameters", f"{cost['params']:,}"),
        ("of them trained", f"{cost['trainable_params']:,}"),
        ("multiply-accumulates for one picture", f"{cost['macs']:,} ({short(cost['macs'])})"),
        ("elements of activations at most at once", f"{cost['peak_activations']:,}"),
    ]
    if "origin" in metadata:
        del rows[1]
    rows += [
        (f"budget of {kind}, for which its width was chosen", f"{limit:,}")
        for kind, limit in metadata.get("budget", {}).items()
    ]
    yield _table(("cost", ""), rows)


def _intended(metadata: dict[str, Any]) -> Iterator[str]:
    of = f" like those of {escape_markdown(metadata['data']['name'])}" if "data" in metadata else ""
    yield (
        f"Classifying pictures{of} into {_named(metadata['labels'])}; comparing accuracy per parameter; a beginning "
        "for training on other data."
    )


def _use(metadata: dict[str, Any]) -> Iterator[str]:
    yield "With the package's own address for URL:"
    yield _code(to_get(metadata), "bash")
    yield "In this folder, for a picture beside it, with archbuilder:"
    yield _code(with_archbuilder(metadata))
    yield (
        "The same with onnxruntime and numpy alone (`pip install onnxruntime numpy pillow`), without torch and "
        "archbuilder:"
    )
    yield _code(with_onnxruntime(metadata))
    told, apart = metadata["onnx"], at_most(metadata["onnx"]["largest_difference"])
    yield (
        f"`{ONNX_FILE}` (operators of version {told['opset']}) takes any number of pictures; its logits were compared "
        f"with torch's and differ by {apart} at most. `{GOLDEN_FILE}` holds pictures with "
        "the logits that they must give. The hashes in `manifest.json` show damage, not who made the package."
    )
    if "int8" in metadata:
        yield f"`{INT8_FILE}`, of {metadata['int8']['bytes']:,} bytes, is used in the same way."
    if "pt2" in metadata:
        yield (
            f"`{PT2_FILE}` is for `torch.export.load`, which may run what a file brings along: load it only from "
            "people whom you trust."
        )


def _training(metadata: dict[str, Any]) -> Iterator[str]:
    if "origin" in metadata:
        origin = metadata["origin"]
        yield (
            f"Elsewhere: the weights are {escape_markdown(origin['source'])}"
            + (f", from {escape_markdown(origin['url'])}" if "url" in origin else "")
            + ". Its logits to the same pictures differ from the original's by "
            f"{at_most(metadata['comparison']['largest_difference'])} at most."
        )
        return
    training, data = metadata["training"], metadata["data"]
    if metadata["command"]:
        yield _code(metadata["command"], "bash")
    else:
        yield "The command is not known; `metadata.json` holds all settings of the recipe."
    sizes = ", ".join(f"{n:,} {split}" for split, n in data["splits"].items())
    yield (
        f"Seed {metadata['seed']}, {training['epochs']:,} epochs ({training['steps']:,} steps) in "
        f"{training['seconds']:,.0f} s on {escape_markdown(training['device'])}, precision {training['precision']}. "
        f"The images ({sizes}) have the fingerprint `{data['fingerprint']}`; the recipe's hash is "
        f"`{metadata['recipe']['hash']}`. {_kept(metadata)}"
    )
    versions = ", ".join(f"{name} {version}" for name, version in metadata["versions"].items())
    commit = metadata["git"].get("commit", "")
    changed = " with changes that were not committed" if metadata["git"].get("dirty") else ""
    yield f"With {versions}" + (f" at commit `{commit}`{changed}." if commit else ".")


def _kept(metadata: dict[str, Any]) -> str:
    other = ", not those of the last step" if metadata["weights"] == "averaged" else ""
    return f"The package holds {_WEIGHTS[metadata['weights']]}{other}."


def _limits(metadata: dict[str, Any]) -> Iterator[str]:
    high, wide = metadata["preprocessing"]["shape"][1:]
    yield (
        f"It answers every picture with one of its {len(metadata['labels']):,} classes, also one that shows none of "
        f"them. It sees {high}x{wide} pixels. How it does on other pictures than those it was evaluated on, on "
        "rotated, noisy or deliberately altered ones, or for different groups of people, was not measured, and its "
        "confidence was not calibrated."
    )


def _license(metadata: dict[str, Any]) -> Iterator[str]:
    declared = metadata.get("origin", {}).get("license")
    yield metadata["license"] or f"{UNSTATED.split(';')[0].capitalize()}."
    if declared:
        yield f"The source of the weights declares: {escape_markdown(declared)}."


def _named(labels: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(escape_markdown(label) for label in labels[:most])
    return f"{shown} and {len(labels) - most:,} more" if len(labels) > most else shown


def _channels(count: int) -> str:
    return {1: "one channel", 3: "three channels"}.get(count, f"{count} channels")


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(escape_markdown(cell) for cell in line)} |" for line in lines)


def _code(text: str, language: str = "python") -> str:
    # Longer than any run of backticks inside, which would end it.
    fence = "`" * max(3, *(1 + len(run) for run in re.findall("`+", text)), 0)
    return f"{fence}{language}\n{text}\n{fence}"
